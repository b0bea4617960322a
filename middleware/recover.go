package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/gin-gonic/gin"
)

// recover is the outermost stage: it opens the exchange, turns a panic into a 500 and ends the exchange. A panic with
// http.ErrAbortHandler and any panic after the answer began go on to net/http, which cuts the connection: the client
// must not take half an answer for a whole one.
func (d *door) recover(c *gin.Context) {
	x := begin(c, d)
	defer func() {
		v := recover()
		if v == nil {
			x.w.finish()
			x.end(c)
			x.release(c)
			return
		}
		abort := isAbort(v)
		if !abort {
			d.panicked(x, c.Request, v)
		}
		if !abort && !x.w.Written() {
			Reject(c, stagePanic, http.StatusInternalServerError, "a handler panicked")
			x.end(c)
			x.release(c)
			return
		}
		// The exchange is not given back: a goroutine of the broken handler may still hold it.
		x.end(c)
		panic(v)
	}()
	c.Next()
}

// finish sends an answer that has no body, which gin would otherwise send past us, and lets go of the connection.
func (w *writer) finish() {
	if !w.hijacked {
		w.ready()
	}
	if b := w.x.body; b != nil && !w.hijacked {
		b.letGo()
	}
}

// panicked logs the panic; the request's headers stay out of it, since they hold cookies and tokens.
func (d *door) panicked(x *exchange, r *http.Request, v any) {
	d.state.Panics.Add(1)
	x.note(handlerPanicked)
	d.logger.Error("panic in handler",
		"request", x.id, "method", r.Method, "path", r.URL.Path, "panic", panicText(v), "stack", string(debug.Stack()))
}

// panicText is the type of v, and its text where it is an error or a string of the program's own.
func panicText(v any) string {
	switch v := v.(type) {
	case error:
		return fmt.Sprintf("%T: %s", v, v)
	case string:
		return v
	}
	return fmt.Sprintf("%T", v)
}

func isAbort(v any) bool {
	err, ok := v.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}
