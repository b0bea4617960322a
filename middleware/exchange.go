package middleware

import (
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
	limiter "github.com/ulule/limiter/v3"
)

// exchange is one request and its answer on their way through the stages. It is used by the request's goroutine only,
// and again by another request once the outermost stage has ended.
type exchange struct {
	w     writer
	door  *door
	start time.Time
	// id is the request id and trace the whole traceparent value that goes to the app.
	id, trace string
	client    client
	// refused is the stage that refused, "" where none did.
	refused string
	// dressed is true once the headers stage was passed: from then on every answer gets our headers.
	dressed bool
	// policy is the budget that was asked, nil where none was; budget is its answer.
	policy *policy
	budget limiter.Context
	// origin is what Access-Control-Allow-Origin says, nil for no such header.
	origin []string
	// nonce is the request's nonce, "" where no policy holds one.
	nonce string
	// running is true while the request counts among its client's running ones.
	running bool
	notes   [maxNotes]*Decision
	nNotes  int
	// preflight is true where we answered one.
	preflight bool
	body      *body
	// armed is when the write deadline was last moved.
	armed time.Time
}

// client is who sent the request, as far as that can be believed.
type client struct {
	// key names the client in budgets, holds and logs: the IPv4 address, or the IPv6 /64.
	key  string
	addr netip.Addr
	// trusted is true where the peer may name clients, named where it did.
	trusted, named bool
	// proto is the scheme the client used: "http" or "https".
	proto string
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// begin puts an exchange into c's writer, where the other stages and the accessors find it.
func begin(c *gin.Context, d *door) *exchange {
	x := exchanges.Get().(*exchange)
	x.door, x.start = d, d.now()
	x.w.inner, x.w.raw, x.w.x = c.Writer, unwrap(c.Writer), x
	c.Writer = &x.w
	d.state.Requests.Add(1)
	d.state.InFlight.Add(1)
	return x
}

// end tells what became of the request. It returns nothing to the pool; release does.
func (x *exchange) end(c *gin.Context) {
	d := x.door
	d.state.InFlight.Add(-1)
	if x.running {
		d.state.running.leave(x.client.key)
	}
	took := d.now().Sub(x.start)
	x.remember(c, took)
	if d.log != nil {
		x.writeLine(c.Request, took)
	}
	if d.onAnswer != nil {
		d.onAnswer(Answer{
			RequestID: x.id, Client: x.client.key, Method: c.Request.Method, Path: c.Request.URL.Path,
			Status: x.w.Status(), Bytes: x.w.bytes(), Took: took, Refused: x.refused,
		})
	}
}

// release gives x back to the pool; nothing may hold c.Writer any more.
func (x *exchange) release(c *gin.Context) {
	c.Writer = x.w.inner
	*x = exchange{}
	exchanges.Put(x)
}

// of returns the exchange of c, nil where the chain did not run or has ended.
func of(c *gin.Context) *exchange {
	if w, ok := c.Writer.(*writer); ok {
		return w.x
	}
	return behind(c.Writer)
}

// behind looks for our writer below those that others put on top.
func behind(w http.ResponseWriter) *exchange {
	for w != nil {
		if ours, ok := w.(*writer); ok {
			return ours.x
		}
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return nil
		}
		w = outer.Unwrap()
	}
	return nil
}

func unwrap(w http.ResponseWriter) http.ResponseWriter {
	if outer, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return outer.Unwrap()
	}
	return w
}

// Client returns the client key, "" before the client is known.
func (x *exchange) Client() string { return x.client.key }

// ClientKey returns the name of c's client in budgets, holds and logs: its IPv4 address, or its IPv6 /64 such as
// "2001:db8::/64"; "" outside the chain.
func ClientKey(c *gin.Context) string {
	if x := of(c); x != nil {
		return x.client.key
	}
	return ""
}

// ClientAddr returns the whole address of c's client; the zero Addr outside the chain.
func ClientAddr(c *gin.Context) netip.Addr {
	if x := of(c); x != nil {
		return x.client.addr
	}
	return netip.Addr{}
}

// RequestID returns the id of c's request, which is also in its answer; "" outside the chain.
func RequestID(c *gin.Context) string {
	if x := of(c); x != nil {
		return x.id
	}
	return ""
}

// NamedByPeer reports whether a trusted peer named the client, as our own connector does.
func NamedByPeer(c *gin.Context) bool {
	x := of(c)
	return x != nil && x.client.named
}
