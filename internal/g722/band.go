package g722

// band is the adaptive predictor and scale factor of one sub-band (blocks 3
// and 4 of ITU-T G.722 clause 6). Encoder and decoder keep the same ones: only
// what is in the code moves them.
type band struct {
	s, sp, sz int32    // prediction: whole, of the poles, of the zeros
	r         [3]int32 // reconstructed signal
	a         [3]int32 // coefficients of the poles, from 1
	p         [3]int32 // partially reconstructed signal
	d         [7]int32 // quantized differences
	b         [7]int32 // coefficients of the zeros, from 1
	nb        int32    // scale factor, logarithmic
	det       int32    // scale factor, linear
}

// saturate limits x to 16 bits.
func saturate(x int32) int32 { return min(max(x, -32768), 32767) }

// adapt moves the scale factor (blocks LOGSCL and SCALEL, LOGSCH and SCALEH).
// limit is the greatest logarithm, shift that of the linear form.
func (b *band) adapt(step, limit, shift int32) {
	b.nb = min(max((b.nb*127)>>7+step, 0), limit)
	v := ilb[(b.nb>>6)&31]
	if n := shift - b.nb>>11; n < 0 {
		b.det = v << -n << 2
	} else {
		b.det = v >> n << 2
	}
}

func (b *band) adaptLow(code uint8) { b.adapt(wl[rl42[code]], 18432, 8) }

func (b *band) adaptHigh(code uint8) { b.adapt(wh[rh2[code]], 22528, 10) }

// predict takes the quantized difference d of a sample and makes the
// prediction of the next one (block 4).
func (b *band) predict(d int32) {
	b.d[0] = d
	b.r[0] = saturate(b.s + d)  // RECONS
	b.p[0] = saturate(b.sz + d) // PARREC
	a2 := b.secondPole()
	a1 := b.firstPole(a2)
	b.updateZeros(d)
	copy(b.d[1:], b.d[:6]) // DELAYA
	b.r[2], b.r[1] = b.r[1], b.r[0]
	b.p[2], b.p[1] = b.p[1], b.p[0]
	b.a[1], b.a[2] = a1, a2

	b.sp = saturate((b.a[1]*saturate(2*b.r[1]))>>15 + (b.a[2]*saturate(2*b.r[2]))>>15) // FILTEP
	sz := int32(0)
	for i := 6; i > 0; i-- { // FILTEZ
		sz += (b.b[i] * saturate(2*b.d[i])) >> 15
	}
	b.sz = saturate(sz)
	b.s = saturate(b.sp + b.sz) // PREDIC
}

// secondPole is block UPPOL2.
func (b *band) secondPole() int32 {
	s0, s1, s2 := b.p[0]>>15, b.p[1]>>15, b.p[2]>>15
	w := saturate(b.a[1] << 2)
	if s0 == s1 {
		w = min(-w, 32767)
	}
	next := int32(-128)
	if s0 == s2 {
		next = 128
	}
	next += w>>7 + (b.a[2]*32512)>>15
	return min(max(next, -12288), 12288)
}

// firstPole is block UPPOL1.
func (b *band) firstPole(a2 int32) int32 {
	step := int32(-192)
	if b.p[0]>>15 == b.p[1]>>15 {
		step = 192
	}
	limit := saturate(15360 - a2)
	return min(max(saturate(step+(b.a[1]*32640)>>15), -limit), limit)
}

// updateZeros is block UPZERO.
func (b *band) updateZeros(d int32) {
	step := int32(128)
	if d == 0 {
		step = 0
	}
	sign := d >> 15
	for i := 1; i < 7; i++ {
		w := -step
		if b.d[i]>>15 == sign {
			w = step
		}
		b.b[i] = saturate(w + (b.b[i]*32640)>>15)
	}
}
