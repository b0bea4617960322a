package upstream

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
)

// Handler returns the last stage of the door: it answers each request by asking the app.
func (u *Upstream) Handler() gin.HandlerFunc {
	return func(c *gin.Context) {
		t, ok := u.breaker.admit()
		if !ok {
			u.meter.refused.Add(1)
			c.Writer.Header().Set("Retry-After", strconv.FormatInt(u.breaker.retryAfter(u.parts.Now()), 10))
			u.parts.Refuse(c, http.StatusServiceUnavailable, "the circuit to the app is open")
			return
		}
		x := u.begin(c, t)
		defer x.end()
		x.run()
	}
}
