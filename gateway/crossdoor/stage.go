package crossdoor

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// Stage returns the HTTP door's end: it keeps the inputs of each request while it is in flight and for a little longer. Bodies are
// read as they stream; not a byte is held back or changed.
func (w *Window) Stage() gin.HandlerFunc {
	return func(c *gin.Context) {
		request, client := w.identify(c)
		e := w.open(c.Request, request, client)
		if e == nil {
			w.unread.Add(1)
			defer w.unread.Add(-1)
			c.Next()
			return
		}
		defer func() { w.close(e, isAbandoned(c)) }()
		c.Next()
	}
}

// isAbandoned reports that the exchange ended while the app may still be at it: the client is gone, or nobody waits for the app's answer
// any more. The app's statements that come now are that request's all the same.
func isAbandoned(c *gin.Context) bool {
	switch c.Writer.Status() {
	case statusClientGone, http.StatusBadGateway, http.StatusGatewayTimeout:
		return true
	}
	return c.Request.Context().Err() != nil
}

// statusClientGone is what the way to the app ends with where the client left.
const statusClientGone = 499

// Follow is Stage for callers without gin: it keeps the inputs of r, those of its body as it is read, until end is called and a
// little longer. It replaces r.Body.
func (w *Window) Follow(r *http.Request, request, client string) (end func()) {
	e := w.open(r, request, client)
	if e == nil {
		w.unread.Add(1)
		return func() { w.unread.Add(-1) }
	}
	return func() { w.close(e, false) }
}

// open keeps the inputs of one request; nil where the window is full.
func (w *Window) open(r *http.Request, request, client string) *entry {
	e := w.room(r, request, client)
	if e != nil {
		readHead(r, e)
		watch(r, e)
	}
	return e
}

// room makes an entry for one request; nil where the window is full or the
// request's route is left alone.
func (w *Window) room(r *http.Request, request, client string) *entry {
	w.counters.requests.Add(1)
	taint := w.taint(r.URL)
	if taint == "off" {
		return nil
	}
	e := &entry{request: request, client: client, limits: w.settings, held: &w.held}
	e.route, e.trace, e.reportOnly = w.routeName(r.Method, clip(r.URL.Path, 200)), traceID(r.Header), taint == "observe"
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expire(w.now())
	if !w.admit(e) {
		return nil
	}
	return e
}

// admit adds e unless the window is full of requests in flight: late ones make room. The caller holds w.mu.
func (w *Window) admit(e *entry) bool {
	for len(w.late) > 0 && (len(w.entries) >= w.settings.Requests || w.held.Load() >= w.settings.Memory) {
		w.drop(w.late[0])
		w.late = w.late[1:]
	}
	if len(w.entries) >= w.settings.Requests || w.held.Load() >= w.settings.Memory {
		w.counters.full.Add(1)
		return false
	}
	w.entries[e] = struct{}{}
	return true
}

// close makes e late: it stays for reports until Late has passed. One that was abandoned counts as in flight until then.
func (w *Window) close(e *entry, abandoned bool) {
	now := w.now()
	e.mu.Lock()
	e.done = now
	cut := e.cut
	e.mu.Unlock()
	e.late.Store(!abandoned)
	if cut {
		w.counters.cut.Add(1)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = append(w.late, e)
	w.expire(now)
}

// expire forgets late requests and messages whose time is over. The caller holds w.mu.
func (w *Window) expire(now time.Time) {
	n := 0
	for _, e := range w.late {
		if !e.forget(now.Add(-w.settings.Late)) {
			break
		}
		delete(w.entries, e)
		n++
	}
	w.late = w.late[n:]
	for n = 0; n < len(w.messages) && w.messages[n].over(now); n++ {
		w.drop(w.messages[n])
	}
	w.messages = w.messages[n:]
}

// readHead keeps the inputs of a request's line and headers.
func readHead(r *http.Request, e *entry) {
	readPath(r, e)
	if !isWord(r.Method) {
		e.input(fromHeader, "(method)", r.Method)
	}
	if !isPlainHost(r.Host) {
		e.input(fromHeader, "Host", r.Host)
	}
	q := pairs{entry: e, from: fromQuery}
	f := formScanner{emit: q.add, max: int(e.limits.ValueMax)}
	f.feed([]byte(r.URL.RawQuery))
	f.finish()
	q.join()
	readHeaders(r.Header, e)
}

func readPath(r *http.Request, e *entry) {
	for segment := range strings.SplitSeq(r.URL.EscapedPath(), "/") {
		e.input(fromPath, "", segment)
	}
	if tail := strings.TrimPrefix(r.URL.Path, "/"); strings.Contains(tail, "/") && !plainPath(tail) {
		e.input(fromPath, "", tail)
	}
}

// isPlainHost reports a host that is a name or an address, with or without a port.
func isPlainHost(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") == ""
}

// plainPath reports a path of words, dots and dashes, which as a whole can hold no SQL.
func plainPath(s string) bool {
	for i := range len(s) {
		if c := s[i]; !wordByte[c] && c != '/' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}

func readHeaders(h http.Header, e *entry) {
	for name, all := range h {
		skipped := skippedHeader(name)
		for _, text := range all {
			if skipped && isPlainHeader(text) {
				continue
			}
			if strings.ContainsAny(name, "'|`") { // the rest of what a name may have makes no SQL
				e.input(fromHeader, "(key)", name)
			}
			if name == "Cookie" {
				readCookies(text, e)
				continue
			}
			switch name {
			case "Authorization":
				readAuthorization(text, e)
				continue
			case "Referer":
				readReferer(text, e)
			}
			e.input(fromHeader, name, text)
		}
	}
}

// readAuthorization keeps credentials; those of Basic, which apps take apart, name and password each (RFC 7617).
func readAuthorization(text string, e *entry) {
	scheme, credentials, _ := strings.Cut(text, " ")
	e.input(fromHeader, "Authorization", credentials)
	if !isWord(scheme) || scheme == "" || '0' <= scheme[0] && scheme[0] <= '9' { // no scheme: the whole is what the app takes
		e.input(fromHeader, "Authorization", text)
	}
	if strings.EqualFold(scheme, "Basic") {
		name, password, _ := strings.Cut(string(base64Decode(strings.TrimSpace(credentials))), ":")
		e.input(fromHeader, "Authorization", name)
		e.input(fromHeader, "Authorization", password)
	}
}

// readReferer keeps the values of the page's query, which statistics take apart.
func readReferer(text string, e *entry) {
	_, query, found := strings.Cut(text, "?")
	if !found {
		return
	}
	p := pairs{entry: e, from: fromHeader}
	f := formScanner{emit: p.add, max: int(e.limits.ValueMax)}
	f.feed([]byte(query))
	f.finish()
}

func readCookies(line string, e *entry) {
	if strings.Contains(line, `"`) { // in quotes a semicolon ends no cookie, to those who read RFC 2109
		e.input(fromCookie, "", line)
	}
	for pair := range strings.SplitSeq(line, ";") {
		name, text, _ := strings.Cut(strings.TrimSpace(pair), "=")
		e.input(fromCookie, name, text)
		if !isWord(name) {
			e.input(fromCookie, "(key)", name)
		}
	}
}

// isPlainHeader reports a header's text that could leave no literal and, but for what browsers send, holds no SQL.
func isPlainHeader(text string) bool { return !strings.ContainsAny(text, "'\\|%") }

// skippedHeader reports headers that the gateway or the browser sets and no app puts into SQL, unless somebody tries.
func skippedHeader(name string) bool {
	switch name {
	case "Accept", "Accept-Encoding", "Cache-Control", "Cdn-Loop", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Date", "Expect",
		"If-Modified-Since", "If-None-Match", "Origin", "Pragma", "Priority", "Range", "Te", "Traceparent", "Tracestate", "Transfer-Encoding",
		"Upgrade", "Upgrade-Insecure-Requests", "Via", "X-Request-Id":
		return true
	}
	return strings.HasPrefix(name, "Sec-") || strings.HasPrefix(name, "Cf-") || strings.HasPrefix(name, "X-Forwarded-")
}
