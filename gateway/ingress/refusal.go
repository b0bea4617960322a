package ingress

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Refusal is why a request was refused. As an error it comes from reading a body whose framing is broken.
type Refusal struct {
	// Status is the HTTP status of the answer, Reason a few words for the log.
	Status int
	Reason string
}

// Error returns the reason.
func (r *Refusal) Error() string { return "request refused: " + r.Reason }

// HTTPStatus returns the status that the client is answered.
func (r *Refusal) HTTPStatus() int { return r.Status }

func bad(reason string) *Refusal { return &Refusal{http.StatusBadRequest, reason} }

// What is refused. RFC numbers: 9112 is HTTP/1.1, 9110 HTTP semantics, 6455 WebSocket.
var (
	errBareLF          = bad("a line ends without CR")
	errBareCR          = bad("a CR stands inside a line")
	errControl         = bad("a control byte stands in the head")
	errRequestLine     = bad("the request line is malformed")
	errMethod          = bad("the method is malformed")
	errMethodForbidden = &Refusal{http.StatusMethodNotAllowed, "the method is not for proxies"}
	errHTTP2           = bad("the HTTP/2 preface on an HTTP/1 port")
	errVersion         = &Refusal{http.StatusHTTPVersionNotSupported, "the HTTP version is neither 1.0 nor 1.1"}
	errTarget          = bad("the request target is malformed")
	errForeignTarget   = bad("the request target names another host than the Host header")
	errURITooLong      = &Refusal{http.StatusRequestURITooLong, "the request target is too long"}
	errHeadTooLarge    = &Refusal{http.StatusRequestHeaderFieldsTooLarge, "the request head is too large"}
	errTooManyFields   = &Refusal{http.StatusRequestHeaderFieldsTooLarge, "the request head has too many fields"}
	errTooManyNames    = &Refusal{http.StatusRequestHeaderFieldsTooLarge, "Connection or Trailer names too many fields"}
	errFold            = bad("a folded header line")
	errName            = bad("a header name is malformed")
	errNameSpace       = bad("whitespace stands before the colon of a header")
	errNoColon         = bad("a header line has no colon")
	errLookalike       = bad("a header name resembles one that frames the message")
	errHostMissing     = bad("the Host header is missing")
	errHostTwice       = bad("more than one Host header")
	errHost            = bad("the Host header is malformed")
	errLength          = bad("the Content-Length is malformed")
	errLengthTwice     = bad("more than one Content-Length")
	errBothFramings    = bad("both Content-Length and Transfer-Encoding")
	errCodingTwice     = bad("more than one Transfer-Encoding")
	errCoding          = &Refusal{http.StatusNotImplemented, "a Transfer-Encoding other than chunked"}
	errCodingVersion   = bad("Transfer-Encoding in HTTP/1.0")
	errConnection      = bad("the Connection header names a header that frames the message")
	errExpect          = &Refusal{http.StatusExpectationFailed, "an expectation other than 100-continue"}
	errUpgrade         = bad("an upgrade to something other than WebSocket")
	errWebSocket       = bad("a malformed WebSocket upgrade")
	errChunkSize       = bad("a chunk size is malformed")
	errChunkEnd        = bad("a chunk does not end where its size says")
	errTrailer         = bad("a trailer is malformed")
	errTrailerTooLarge = &Refusal{http.StatusRequestHeaderFieldsTooLarge, "the trailers are too large"}
)

// Answer returns the whole answer to a refused request; extra are further header lines, each ended by CRLF.
func (r *Refusal) Answer(extra []byte, now time.Time) []byte {
	title := http.StatusText(r.Status)
	body := fmt.Appendf(nil, `{"type":"about:blank","title":"%s","status":%d,"timestamp":"%s"}`+"\n", title, r.Status, now.UTC().Format(time.RFC3339Nano))
	b := fmt.Appendf(nil, "HTTP/1.1 %d %s\r\n", r.Status, title)
	b = append(b, extra...)
	if r.Status == http.StatusMethodNotAllowed {
		b = append(b, "Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"...)
	}
	b = append(b, "Content-Type: application/problem+json\r\nCache-Control: no-store\r\nConnection: close\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\nDate: "...)
	b = now.UTC().AppendFormat(b, http.TimeFormat)
	b = append(b, "\r\n\r\n"...)
	return append(b, body...)
}
