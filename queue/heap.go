package queue

// indexHeap is a binary heap whose members know their place in it, so that any
// of them can be taken out in O(log n). A member is in at most one heap for
// each pos field. Position 0 means "not in the heap".
type indexHeap[T any] struct {
	s    []*T
	less func(a, b *T) bool
	pos  func(*T) *int
}

func (h *indexHeap[T]) len() int { return len(h.s) }

// head returns the least member, or nil.
func (h *indexHeap[T]) head() *T {
	if len(h.s) == 0 {
		return nil
	}
	return h.s[0]
}

func (h *indexHeap[T]) has(x *T) bool { return *h.pos(x) > 0 }

func (h *indexHeap[T]) push(x *T) {
	h.s = append(h.s, x)
	*h.pos(x) = len(h.s)
	h.up(len(h.s) - 1)
}

// remove takes x out; nothing happens when it is not in.
func (h *indexHeap[T]) remove(x *T) {
	i := *h.pos(x) - 1
	if i < 0 {
		return
	}
	last := len(h.s) - 1
	h.swap(i, last)
	h.s[last] = nil
	h.s = h.s[:last]
	*h.pos(x) = 0
	if i < last {
		h.down(i)
		h.up(i)
	}
}

// first returns the least member that ok accepts, or nil. It looks at no more
// than the refused members and their children.
func (h *indexHeap[T]) first(ok func(*T) bool) *T {
	if len(h.s) == 0 || ok(h.s[0]) {
		return h.head()
	}
	var best *T
	h.walk(0, ok, &best)
	return best
}

func (h *indexHeap[T]) walk(i int, ok func(*T) bool, best **T) {
	if i >= len(h.s) {
		return
	}
	x := h.s[i]
	if *best != nil && !h.less(x, *best) {
		return // everything below is later still
	}
	if ok(x) {
		*best = x
		return
	}
	h.walk(2*i+1, ok, best)
	h.walk(2*i+2, ok, best)
}

func (h *indexHeap[T]) swap(i, j int) {
	h.s[i], h.s[j] = h.s[j], h.s[i]
	*h.pos(h.s[i]), *h.pos(h.s[j]) = i+1, j+1
}

func (h *indexHeap[T]) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.less(h.s[i], h.s[parent]) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

func (h *indexHeap[T]) down(i int) {
	for {
		least := i
		for _, c := range [2]int{2*i + 1, 2*i + 2} {
			if c < len(h.s) && h.less(h.s[c], h.s[least]) {
				least = c
			}
		}
		if least == i {
			return
		}
		h.swap(i, least)
		i = least
	}
}
