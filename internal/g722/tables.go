package g722

// The tables of ITU-T G.722 (09/2012), by the names that the Recommendation
// gives them. None is ever written.
var (
	// qmfTaps are the odd-numbered half of the 24 coefficients of the quadrature
	// mirror filter (clause 5.1), scaled by 2^13; the filter is symmetric.
	qmfTaps = [12]int32{3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11}

	// ilb is the inverse logarithm of a scale factor (ILB).
	ilb = [32]int32{
		2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
		2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
	}

	// wl and rl42 adapt the scale factor of the lower band to a code (WL, RIL to IL4).
	wl   = [8]int32{-60, -30, 58, 172, 334, 538, 1198, 3042}
	rl42 = [16]uint8{0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0}

	// wh and rh2 do so for the higher band (WH, IH2).
	wh  = [3]int32{0, -214, 798}
	rh2 = [4]uint8{2, 1, 2, 1}

	// qm2, qm4 and qm6 are the inverse quantizers of 2, 4 and 6 bits.
	qm2 = [4]int32{-7408, -1616, 7408, 1616}
	qm4 = [16]int32{
		0, -20456, -12896, -8968, -6288, -4240, -2584, -1200,
		20456, 12896, 8968, 6288, 4240, 2584, 1200, 0,
	}
	qm6 = [64]int32{
		-136, -136, -136, -136, -24808, -21904, -19008, -16704,
		-14984, -13512, -12280, -11192, -10232, -9360, -8576, -7856,
		-7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576,
		-3168, -2776, -2400, -2032, -1688, -1360, -1040, -728,
		24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192,
		10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
		4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032,
		1688, 1360, 1040, 728, 432, 136, -432, -136,
	}

	// q6 are the decision levels of the lower band's quantizer (Q6), iln and ilp
	// the codes of its intervals for negative and other differences.
	q6 = [30]int32{
		0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650,
		714, 786, 858, 940, 1023, 1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
	}
	iln = [31]uint8{
		0, 63, 62, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20,
		19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4,
	}
	ilp = [31]uint8{
		0, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48,
		47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32,
	}

	// ihn and ihp are those of the higher band, whose one decision level is qh.
	ihn = [3]uint8{0, 1, 0}
	ihp = [3]uint8{0, 3, 2}
)

// qh is the decision level of the higher band's quantizer (Q2).
const qh = 564
