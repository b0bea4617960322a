package upstream

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// response is the head of an answer of the app. Its fields point into text.
type response struct {
	status int
	minor  int
	// reason follows the status; it is passed on for 101 only.
	reason string
	fields []field
	// length is the length of the body, -1 where only the end of the connection or the last chunk tells.
	length  int64
	chunked bool
	// close is true where the app closes the connection after the body.
	close bool
	// upgrade is the protocol that a 101 switches to.
	upgrade string
	// keepFor is how long the app keeps an idle connection, 0 where it does not say.
	keepFor time.Duration
	// named are the fields that Connection names: they end here.
	named string
}

type field struct{ name, value string }

// errMalformed is what an answer is that HTTP/1.1 does not allow. Errors that wrap it name the rule.
var errMalformed = errors.New("malformed answer")

func malformed(what string) error { return fmt.Errorf("%w: %s", errMalformed, what) }

// headMax is the largest head of an answer, in bytes.
const headMax = 64 << 10

// headIn returns the length of the head at the beginning of b, 0 where it is not complete. What can become none is told
// at once, so that nobody waits for its end.
func headIn(b []byte) (int, error) {
	if i := bytes.Index(b, []byte("\r\n\r\n")); i >= 0 {
		return i + 4, nil
	}
	const start = "HTTP/1."
	if n := min(len(b), len(start)); string(b[:n]) != start[:n] {
		return 0, malformed("status line")
	}
	if hasBareLF(b) {
		return 0, malformed("line end")
	}
	return 0, nil
}

// hasBareLF reports that a line of b ends without CR.
func hasBareLF(b []byte) bool {
	return bytes.Count(b, []byte("\n")) != bytes.Count(b, []byte("\r\n"))
}

// parse reads the head in text, which ends with an empty line. It is as strict as the check at the front: what the app
// says must have one meaning.
func (a *response) parse(text string) error {
	*a = response{fields: a.fields[:0], length: -1}
	line, rest, _ := strings.Cut(text, "\r\n")
	if err := a.statusLine(line); err != nil {
		return err
	}
	for {
		line, rest, _ = strings.Cut(rest, "\r\n")
		if line == "" {
			return a.finish()
		}
		colon := strings.IndexByte(line, ':')
		if colon <= 0 || !isName(line[:colon]) {
			return malformed("header name")
		}
		value := strings.Trim(line[colon+1:], " \t")
		if !isValue(value) {
			return malformed("header value")
		}
		f := field{line[:colon], value}
		a.fields = append(a.fields, f)
		if err := a.known(f); err != nil {
			return err
		}
	}
}

// statusLine reads "HTTP/1.1 200 OK"; the reason may be missing.
func (a *response) statusLine(line string) error {
	if len(line) < 12 || line[:7] != "HTTP/1." || line[8] != ' ' || line[7] != '0' && line[7] != '1' {
		return malformed("status line")
	}
	a.minor = int(line[7] - '0')
	for _, d := range []byte(line[9:12]) {
		if d < '0' || d > '9' {
			return malformed("status")
		}
		a.status = a.status*10 + int(d-'0')
	}
	if a.status < 100 || a.status > 599 {
		return malformed("status")
	}
	if len(line) > 12 {
		if line[12] != ' ' || !isValue(line[13:]) {
			return malformed("status line")
		}
		a.reason = line[13:]
	}
	return nil
}

// known reads the fields that frame the answer or steer the connection.
func (a *response) known(f field) error {
	switch {
	case strings.EqualFold(f.name, "Content-Length"):
		n, ok := length(f.value)
		if !ok || a.length >= 0 && a.length != n {
			return malformed("Content-Length")
		}
		a.length = n
	case strings.EqualFold(f.name, "Transfer-Encoding"):
		if a.chunked || a.minor == 0 || !strings.EqualFold(f.value, "chunked") {
			return malformed("Transfer-Encoding")
		}
		a.chunked = true
	case strings.EqualFold(f.name, "Connection"):
		a.connection(f.value)
	case strings.EqualFold(f.name, "Upgrade"):
		a.upgrade = f.value
	case strings.EqualFold(f.name, "Keep-Alive"):
		a.keepAlive(f.value)
	}
	return nil
}

func (a *response) connection(value string) {
	if hasToken(value, "close") {
		a.close = true
	}
	if hasToken(value, "keep-alive") && a.minor == 0 {
		a.keepFor = max(a.keepFor, time.Second)
	}
	if a.named != "" {
		a.named += ","
	}
	a.named += value
}

// keepAlive reads "timeout=5" and stays a second below it, or where that would leave nothing half of it.
func (a *response) keepAlive(value string) {
	_, rest, ok := strings.Cut(strings.ToLower(value), "timeout=")
	if !ok {
		return
	}
	digits, _, _ := strings.Cut(rest, ",")
	switch n, err := strconv.Atoi(strings.TrimSpace(digits)); {
	case err != nil || n < 0 || n >= 3600:
	case n == 0:
		a.close = true
	default:
		a.keepFor = max(time.Duration(n-1)*time.Second, time.Second/2)
	}
}

func (a *response) finish() error {
	if a.chunked && a.length >= 0 {
		return malformed("both Content-Length and Transfer-Encoding")
	}
	if a.minor == 0 && a.keepFor == 0 {
		a.close = true
	}
	return nil
}

// bodyless reports whether no body follows, whatever the head says of its length.
func (a *response) bodyless(method string) bool {
	return method == http.MethodHead || a.status == http.StatusNoContent || a.status == http.StatusNotModified || a.status < 200
}

// copyTo puts the fields that concern the client into h.
func (a *response) copyTo(h http.Header) {
	values := make([]string, len(a.fields))
	for i, f := range a.fields {
		key := canonical(f.name)
		if a.hop(key) {
			continue
		}
		if had, ok := h[key]; ok {
			if key != "Content-Length" {
				h[key] = append(had, f.value)
			}
			continue
		}
		values[i] = f.value
		h[key] = values[i : i+1 : i+1]
	}
}

// hop reports whether the field key concerns only the connection between us and the app.
func (a *response) hop(key string) bool {
	switch key {
	case "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade", "Te", "Proxy-Authenticate":
		return true
	case "Content-Length":
		return a.status == http.StatusNoContent || a.status < 200
	case "Trailer":
		return !a.chunked
	}
	return a.named != "" && hasToken(a.named, key)
}

// length reads digits only.
func length(s string) (int64, bool) {
	var n int64
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || n > (math.MaxInt64-int64(c-'0'))/10 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, s != ""
}

// hasToken reports whether the comma-separated list has token, without regard to case.
func hasToken(list, token string) bool {
	for list != "" {
		var item string
		item, list, _ = strings.Cut(list, ",")
		if strings.EqualFold(strings.Trim(item, " \t"), token) {
			return true
		}
	}
	return false
}

// canonical returns name in the spelling of http.Header; usual names need no work.
func canonical(name string) string {
	if key, ok := spelling[name]; ok {
		return key
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}
