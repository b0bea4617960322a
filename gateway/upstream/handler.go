package upstream

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
)

// Handler returns the last stage of the door: it answers each request by asking the app.
func (u *Upstream) Handler() gin.HandlerFunc {
	return func(c *gin.Context) {
		done, ok := u.breaker.admit()
		if !ok {
			u.meter.refused.Add(1)
			c.Writer.Header().Set("Retry-After", strconv.FormatInt(u.breaker.retryAfter(u.parts.Now()), 10))
			u.parts.Refuse(c, http.StatusServiceUnavailable, "the circuit to the app is open")
			return
		}
		u.meter.total.Add(1)
		u.meter.inFlight.Add(1)
		x := &exchange{u: u, c: c, done: done, began: u.parts.Now()}
		defer x.end()
		x.run()
	}
}
