package upstream

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// exchange is one request on its way to the app and back.
type exchange struct {
	u     *Upstream
	c     *gin.Context
	began time.Time
	// done tells the breaker, nil once that has happened.
	done func(error)
	body bodyError
	// answered is true once the app's answer began.
	answered bool
	upgraded net.Conn
}

type exchangeKey struct{}

func (x *exchange) run() {
	r := x.c.Request
	if r.Body != nil && r.ContentLength != 0 {
		x.body.ReadCloser = r.Body
		r.Body = &x.body
	}
	r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x))
	x.u.proxy.ServeHTTP(&answer{ResponseWriter: x.c.Writer, x: x, header: http.Header{}}, r)
}

// tell reports the outcome to the breaker once.
func (x *exchange) tell(err error) {
	if x.done != nil {
		x.done(err)
		x.done = nil
	}
}

// end runs also where the proxy panics because the answer broke off.
func (x *exchange) end() {
	x.u.meter.inFlight.Add(-1)
	if x.upgraded != nil {
		x.u.upgrades.forget(x.upgraded)
		x.u.meter.upgrades.Add(-1)
	}
	x.tell(errClientFault)
}

// fail answers the client where the app did not.
func (x *exchange) fail(err error) {
	f := appFault(err)
	switch {
	case x.body.err != nil:
		f = clientFault(x.body.err)
	case x.c.Request.Context().Err() != nil:
		f = fault{status: StatusClientGone, reason: "the client left before the answer"}
	}
	if f.app {
		x.u.meter.failed.Add(1)
		x.tell(errAppFault)
		x.u.parts.Logger.Warn("app failed", "status", f.status, "error", err)
	} else {
		x.tell(errClientFault)
	}
	x.u.parts.Refuse(x.c, f.status, f.reason)
}

// answer passes the app's answer on. Its header map is its own: the proxy clears the map after an informational answer.
type answer struct {
	http.ResponseWriter
	x      *exchange
	header http.Header
}

func (a *answer) Header() http.Header { return a.header }

// Unwrap lets http.ResponseController reach the connection, except for hijacking.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	real := a.ResponseWriter.Header()
	if status < 200 && status != http.StatusSwitchingProtocols {
		kept := real.Clone()
		clear(real)
		copyInto(real, a.header)
		a.ResponseWriter.WriteHeader(status)
		clear(real)
		copyInto(real, kept)
		return
	}
	a.x.answered = true
	a.x.u.meter.observe(a.x.u.parts.Now().Sub(a.x.began))
	a.x.tell(nil)
	copyInto(real, a.header)
	a.header = real
	a.ResponseWriter.WriteHeader(status)
}

// Hijack hands the client's connection to the upgrade and keeps it for the drain.
func (a *answer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(a.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if checked, ok := conn.(interface{ Release() (net.Conn, []byte) }); ok {
		bare, early := checked.Release()
		conn = &prefixed{Conn: bare, early: early}
	}
	a.x.tell(nil)
	a.x.upgraded = conn
	a.x.u.upgrades.remember(conn)
	a.x.u.meter.upgrades.Add(1)
	return conn, rw, nil
}

// prefixed is a connection of which some bytes were read before.
type prefixed struct {
	net.Conn
	early []byte
}

func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.early) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.early)
	p.early = p.early[n:]
	return n, nil
}

func copyInto(dst, src http.Header) {
	for k, v := range src {
		dst[k] = append(dst[k], v...)
	}
}

// newReverse returns the proxy over a transport of our own: no proxy from the environment, no added gzip, no replay that
// the client decides.
func newReverse(u *Upstream) http.Handler {
	network, address := dialAddress(u.target)
	dialer := *u.parts.Dialer
	dialer.Timeout = u.settings.DialTimeout
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, address)
		},
		DisableCompression:     true,
		MaxIdleConns:           u.settings.Connections,
		MaxIdleConnsPerHost:    u.settings.Connections,
		IdleConnTimeout:        4 * time.Second,
		ResponseHeaderTimeout:  u.settings.Timeout,
		MaxResponseHeaderBytes: 64 << 10,
		WriteBufferSize:        8 << 10,
		ReadBufferSize:         8 << 10,
	}
	return &httputil.ReverseProxy{
		Rewrite:       u.rewrite,
		Transport:     &retrying{u: u, next: transport},
		FlushInterval: -1,
		ErrorHandler: func(_ http.ResponseWriter, r *http.Request, err error) {
			r.Context().Value(exchangeKey{}).(*exchange).fail(err)
		},
	}
}

// rewrite turns the request into the one that the app gets.
func (u *Upstream) rewrite(pr *httputil.ProxyRequest) {
	x := pr.In.Context().Value(exchangeKey{}).(*exchange)
	out := pr.Out
	out.URL.Scheme, out.URL.Host = u.target.Scheme, u.target.Host
	out.Host = pr.In.Host
	path, query, asked := strings.Cut(pr.In.RequestURI, "?")
	out.URL.RawQuery, out.URL.ForceQuery = query, asked
	if strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") {
		out.URL.Opaque = path
	}
	id := u.parts.Identity(x.c)
	for _, name := range ours {
		out.Header.Del(name)
	}
	set := func(name, value string) {
		if value != "" {
			out.Header.Set(name, value)
		}
	}
	set("X-Forwarded-For", id.Client)
	set("X-Real-Ip", id.Client)
	set("X-Forwarded-Proto", id.Proto)
	set("X-Forwarded-Host", pr.In.Host)
	set("X-Request-Id", id.RequestID)
	set("Traceparent", id.Traceparent)
	// net/http replays a POST that bears this name in its usual spelling; the client must not decide that.
	if key, ok := out.Header["Idempotency-Key"]; ok {
		delete(out.Header, "Idempotency-Key")
		out.Header["idempotency-key"] = key
	}
}

// ours are the names that only the gateway tells the app.
var ours = []string{
	"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Server",
	"X-Real-Ip", "True-Client-Ip", "X-Original-Url", "X-Rewrite-Url", "X-Request-Id", "Traceparent",
}

// retrying tries idempotent requests without a body again, with full jitter.
type retrying struct {
	u    *Upstream
	next http.RoundTripper
}

func (t *retrying) RoundTrip(r *http.Request) (*http.Response, error) {
	s := t.u.settings.Retry
	for try := 1; ; try++ {
		res, err := t.next.RoundTrip(r)
		if err == nil || try >= s.Attempts || !repeatable(r) || !worthRepeating(err) {
			return res, err
		}
		t.u.meter.retries.Add(1)
		if !pause(r.Context(), jitter(s, try)) {
			return nil, r.Context().Err()
		}
	}
}

// repeatable reports whether r may be sent twice: it changes nothing and has no body.
func repeatable(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return r.Body == nil || r.Body == http.NoBody
	}
	return false
}

// worthRepeating reports whether the next try may go better: a timeout would only be waited for twice.
func worthRepeating(err error) bool {
	var timeout net.Error
	return !errors.Is(err, context.Canceled) && (!errors.As(err, &timeout) || !timeout.Timeout()) || errors.Is(err, io.EOF)
}

// jitter returns a pause between 0 and the bound of the given try.
func jitter(s Retry, try int) time.Duration {
	bound := min(s.Max, s.Base<<(try-1))
	return rand.N(bound + 1)
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
