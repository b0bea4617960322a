package http1

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// menu makes streams of requests out of a fuzzer's bytes, each byte a choice: nearly all of them are sound, so that what servers do with
// sound requests is compared, and not how they refuse.
type menu struct{ choices []byte }

// pick returns a number below n, 0 once there are no more choices.
func (m *menu) pick(n int) int {
	if len(m.choices) == 0 {
		return 0
	}
	c := m.choices[0]
	m.choices = m.choices[1:]
	return int(c) % n
}

func (m *menu) of(all []string) string { return all[m.pick(len(all))] }

// spelled returns name in one of the ways that clients spell it.
func (m *menu) spelled(name string) string {
	switch m.pick(5) {
	case 1:
		return strings.ToLower(name)
	case 2:
		return strings.ToUpper(name)
	case 3:
		at := m.pick(len(name))
		return name[:at] + strings.ToUpper(name[at:])
	case 4:
		at := m.pick(len(name))
		return strings.ToUpper(name[:at]) + strings.ToLower(name[at:])
	}
	return name
}

var (
	menuMethods  = []string{"GET", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "PATCH", "X-Y"}
	menuWays     = []string{"/", "/length", "/early", "/flush", "/none", "/same", "/many", "/short", "/over", "/abort", "/cut", "/end", "/several", "/trailers", "/dated", "/status299", "/status404", "/status205", "/status503", "/hundred", "/half", "/unread"}
	menuTails    = []string{"", "?a=%zz", "?", "//x", "/%41%2f", "/../b", ";c=d?e;f", "/caf\xc3\xa9", "?q=1&q=2"}
	menuNames    = []string{"Cookie", "X-A", "Pragma", "Cache-Control", "Accept", "Content-Type", "If-None-Match", "TE", "Trailer", "X_a", "x.y", "Sec-Ch-Ua", "X-Forwarded-For", "Via", "Keep-Alive", "DNT", "Www-Authenticate", "Proxy-Connection", "Range", "~odd!#$%&'*+^`|"}
	menuValues   = []string{"a", "", " b ", "\tc\t", "no-cache", "a, b", "a=b; c=d", "\xe4\xff", "x:y", ",", "trailers", "\"q\""}
	menuOptions  = []string{"close", "keep-alive", "X-A", "te, close", "Keep-Alive, x-a", "cookie", ""}
	menuTrailers = []string{"X-Sum", "X-A", "Etag", "Cookie", "x_y"}
)

// requests returns up to five requests in a row.
func (m *menu) requests() []byte {
	var b bytes.Buffer
	for n := 1 + m.pick(5); n > 0; n-- {
		m.request(&b)
	}
	return b.Bytes()
}

func (m *menu) request(b *bytes.Buffer) {
	minor := 1
	if m.pick(6) == 5 {
		minor = 0
	}
	method, way := m.of(menuMethods), m.of(menuWays)
	fmt.Fprintf(b, "%s %s%s HTTP/1.%d\r\n", method, way, m.of(menuTails), minor)
	if minor == 1 || m.pick(2) == 0 {
		fmt.Fprintf(b, "%s:%s\r\n", m.spelled("Host"), m.of([]string{"a", " shop.example:80", " [::1]", " 127.0.0.1 "}))
	}
	for n := m.pick(6); n > 0; n-- {
		fmt.Fprintf(b, "%s:%s\r\n", m.spelled(m.of(menuNames)), m.of(menuValues))
	}
	if m.pick(4) == 3 {
		fmt.Fprintf(b, "%s: %s\r\n", m.spelled("Connection"), m.of(menuOptions))
	}
	if m.pick(6) == 5 && way != "/half" { // of a body begun after 100 Continue we read the rest, Go hangs up
		fmt.Fprintf(b, "%s: 100-%s\r\n", m.spelled("Expect"), m.spelled("continue"))
	}
	switch framing := m.pick(3); {
	case framing == 1:
		body := strings.Repeat("b", []int{0, 1, 5, 3000, 9000}[m.pick(5)])
		fmt.Fprintf(b, "%s: %0*d\r\n\r\n%s", m.spelled("Content-Length"), 1+m.pick(4), len(body), body)
	case framing == 2 && minor == 1:
		m.chunked(b)
	default:
		b.WriteString("\r\n")
	}
}

func (m *menu) chunked(b *bytes.Buffer) {
	fmt.Fprintf(b, "%s: %s\r\n", m.spelled("Transfer-Encoding"), m.spelled("chunked"))
	for n := m.pick(3); n > 0; n-- {
		fmt.Fprintf(b, "%s: %s,%s\r\n", m.spelled("Trailer"), m.spelled(m.of(menuTrailers)), m.of([]string{"", " x-late", ",,", " b c"}))
	}
	b.WriteString("\r\n")
	for n := m.pick(4); n > 0; n-- {
		size := []int{1, 2, 17, 300, 5000}[m.pick(5)]
		fmt.Fprintf(b, m.of([]string{"%x", "%X", "%06x"})+"\r\n%s\r\n", size, strings.Repeat("c", size))
	}
	b.WriteString("0\r\n")
	for n := m.pick(4); n > 0; n-- {
		fmt.Fprintf(b, "%s:%s\r\n", m.spelled(m.of(menuTrailers)), m.of(menuValues))
	}
	b.WriteString("\r\n")
}

// FuzzPipelinesAreAnsweredAsNetHTTPDoes compares what our server and Go's make of sound requests in a row, cut anywhere, and how they put
// the answers of many kinds of handlers.
func FuzzPipelinesAreAnsweredAsNetHTTPDoes(f *testing.F) {
	for way := range menuWays {
		for framing := range 3 {
			f.Add([]byte{4, 0, 1, byte(way), 0, 0, 0, 0, 0, 0, byte(framing), 2, 1, 1, 0, 0, 2, 1, 1, 1, 1, 1, 0, byte(way)}, []byte{200, 3})
		}
	}
	f.Fuzz(func(t *testing.T, choices, splits []byte) {
		stream := (&menu{choices}).requests()
		compare(t, stream, splits, heads(stream))
	})
}

// answerOddly answers in one of the ways that need care, and reports whether path names one.
func answerOddly(w http.ResponseWriter, path, text string) bool {
	h := w.Header()
	way, _, _ := strings.Cut(path[1:], "/")
	way, _, _ = strings.Cut(way, ";")
	switch way {
	case "short": // and ends too early
		h.Set("Content-Length", fmt.Sprint(len(text)+1))
		_, _ = io.WriteString(w, text)
	case "over": // says more than it announced
		h.Set("Content-Length", fmt.Sprint(len(text)-1))
		_, _ = io.WriteString(w, text)
	case "abort":
		_, _ = io.WriteString(w, text)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case "cut":
		_, _ = io.WriteString(w, text[:1])
		panic(http.ErrAbortHandler)
	case "end":
		h.Set("Connection", "close")
		_, _ = io.WriteString(w, text)
	case "several":
		h["Set-Cookie"] = []string{"a=b", "c=d\r\nX-Split: 1", " e=f\t", ""}
		h["X Bad"], h["X-Bad\r\nX-Split"], h[""] = []string{"1"}, []string{"2"}, []string{"3"}
		h["x-lower"] = []string{"\xe4"}
		_, _ = io.WriteString(w, text)
	case "trailers":
		h["Trailer"] = []string{"X-Early, x-sum", ",X-Never "}
		h.Set("X-Early", "head")
		h.Set(http.TrailerPrefix+"X-Late", "1\r\n2")
		if strings.Contains(text, " proto HTTP/1.0 ") { // has no trailers: we tell the length then, Go does not
			_ = http.NewResponseController(w).Flush()
		}
		_, _ = io.WriteString(w, text)
		h.Set("X-Early", "tail")
		h["X-Sum"] = []string{"1", "2"}
	case "dated":
		h["Date"] = nil
		_, _ = io.WriteString(w, text)
	case "status299", "status404", "status205", "status503":
		var status int
		_, _ = fmt.Sscanf(way, "status%d", &status)
		w.WriteHeader(status)
		w.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(w, text)
	case "hundred":
		w.WriteHeader(http.StatusContinue)
		_, _ = io.WriteString(w, text)
	default:
		return false
	}
	return true
}
