package http1

import (
	"net/http"
	"sync"
)

// fieldsRoom is how many fields of either side need no memory of their own: a map of that size fills its tables.
const fieldsRoom = 28

// turn is what a connection needs from a request's head to the end of its answer, whatever the handler waits for meanwhile.
// It holds no buffer: those are lent while bytes move.
type turn struct {
	// header is the request's, values the array behind its single values.
	header http.Header
	values []string
	answer response
}

var turns = sync.Pool{New: func() any {
	t := &turn{header: make(http.Header, fieldsRoom), values: make([]string, 0, fieldsRoom)}
	t.answer.header = make(http.Header, fieldsRoom)
	return t
}}

func newTurn() *turn { return turns.Get().(*turn) }

// release forgets the request and its answer and gives t back.
func (t *turn) release() {
	clear(t.header)
	clear(t.values)
	t.values = t.values[:0]
	w := &t.answer
	w.giveBack()
	clear(w.header)
	t.answer = response{header: w.header}
	turns.Put(t)
}
