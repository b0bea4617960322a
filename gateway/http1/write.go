package http1

import (
	"net"
	"net/http"
	"strconv"
	"strings"
)

// emit adds p to the body, as a chunk where it is chunked. What does not fit into the buffer is sent from where it is.
func (w *response) emit(p []byte) {
	if w.err != nil {
		return
	}
	w.borrow()
	end := ""
	if w.framing == byChunks {
		w.out = append(strconv.AppendInt(w.out, int64(len(p)), 16), "\r\n"...)
		end = "\r\n"
	}
	if len(w.out)+len(p)+len(end) <= cap(w.out) {
		w.out = append(append(w.out, p...), end...)
		return
	}
	w.vector[0], w.vector[1] = w.out, p
	w.buffers = net.Buffers(w.vector[:2])
	w.failed(w.buffers.WriteTo(w.c.raw))
	w.vector = [3][]byte{}
	w.out = append(w.out[:0], end...)
}

// flush sends what is put together, and keeps no buffer for what may come later.
func (w *response) flush() {
	if len(w.out) > 0 && w.err == nil {
		w.send(w.out)
	}
	w.giveBack()
}

// borrow makes sure that there is a buffer.
func (w *response) borrow() {
	if w.lent == nil {
		w.lent = outboxes.Get().(*outbox)
		w.out, w.held = w.lent.out[:0], w.lent.held[:0]
	}
}

// giveBack gives the buffer back; what is in it is lost.
func (w *response) giveBack() {
	if w.lent != nil {
		outboxes.Put(w.lent)
	}
	w.lent, w.out, w.held = nil, nil, nil
}

func (w *response) send(b []byte) {
	n, err := w.c.raw.Write(b)
	w.failed(int64(n), err)
}

// failed remembers that the client cannot be written to any more, which ends its request.
func (w *response) failed(_ int64, err error) {
	if err == nil || w.err != nil {
		return
	}
	w.err, w.close = err, true
	if ctx, ok := w.request.Context().(*requestContext); ok {
		ctx.cancel()
	}
}

// finish sends what is left of the answer and reports whether the connection can go on to the next request.
func (c *conn) finish() bool {
	w := &c.turn.answer
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.framing == undecided {
		w.decide(!w.announcesLate())
	}
	switch w.framing {
	case byLength:
		w.close = w.close || w.sent != w.length // the client must see that it is not whole
	case byChunks:
		w.lastChunk()
	}
	w.flush()
	if w.err != nil {
		return false
	}
	ended := w.body == nil || w.body.ended.Load()
	if !w.close && (ended || w.body.skip()) {
		return true
	}
	if !ended || c.in != nil && !c.in.empty() {
		c.linger()
	}
	return false
}

// announcesLate reports whether there are trailers that the handler did not announce.
func (w *response) announcesLate() bool {
	for name := range w.header {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return w.request.ProtoMinor == 1
		}
	}
	return false
}

// lastChunk ends a chunked body, with its trailers.
func (w *response) lastChunk() {
	w.borrow()
	w.out = append(w.out, "0\r\n"...)
	for name, values := range w.header {
		if late, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			w.out = appendField(w.out, late, values)
		} else if w.announces(name) {
			w.out = appendField(w.out, name, values)
		}
	}
	w.out = append(w.out, "\r\n"...)
}
