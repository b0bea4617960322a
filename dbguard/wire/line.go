package wire

// line is a queue of waiters, linked through themselves so that waiting allocates nothing more; the pool's mutex guards it.
type line struct {
	front, back *waiter
	n           int
}

// push puts w at the end, pushFront before all others.
func (q *line) push(w *waiter) {
	w.ahead, w.behind = q.back, nil
	if q.back != nil {
		q.back.behind = w
	} else {
		q.front = w
	}
	q.back = w
	q.n++
}

func (q *line) pushFront(w *waiter) {
	w.ahead, w.behind = nil, q.front
	if q.front != nil {
		q.front.ahead = w
	} else {
		q.back = w
	}
	q.front = w
	q.n++
}

// remove takes w, which must be in the line, out of it.
func (q *line) remove(w *waiter) {
	if w.ahead != nil {
		w.ahead.behind = w.behind
	} else {
		q.front = w.behind
	}
	if w.behind != nil {
		w.behind.ahead = w.ahead
	} else {
		q.back = w.ahead
	}
	w.ahead, w.behind = nil, nil
	q.n--
}
