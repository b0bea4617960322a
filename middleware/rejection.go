package middleware

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
)

// Rejection is a request that a stage refused; it holds no header and no query value.
type Rejection struct {
	At time.Time
	// Stage is the name of the stage that refused: "rate-limit", "body-size", "cors", "hold", "ingress".
	Stage string
	// Status is the HTTP status that was answered.
	Status int
	// Client is the client key (IPv4 address, or IPv6 /64), RequestID the id in the answer.
	Client, RequestID string
	// Method and Path are the request's; Path has no query.
	Method, Path string
	// Reason is one sentence for the log.
	Reason string
}

// Reject answers the request with status and a problem document (RFC 9457) that tells a stranger nothing but the
// request id, ends the chain and reports the rejection. Where an answer has begun, or status is 499 (the client is
// gone), nothing is sent. Set Retry-After on c before where it is due.
func Reject(c *gin.Context, stage string, status int, reason string) {
	c.Abort()
	x := of(c)
	if x == nil {
		c.Status(status)
		return
	}
	if x.body != nil {
		var why *Decision
		if stage, why = x.body.blame(stage, status); why != nil {
			x.note(why)
		}
	}
	x.refused = stage
	if !c.Writer.Written() {
		x.boundRest(c.Request)
		x.w.WriteHeader(status)
		if status != statusClientGone {
			x.writeProblem(status)
		}
	}
	x.door.count(stage, status)
	x.door.onReject(Rejection{
		At: x.start, Stage: stage, Status: status, Client: x.Client(), RequestID: x.id,
		Method: strings.Clone(c.Request.Method), Path: strings.Clone(c.Request.URL.Path), Reason: reason,
	})
}

// statusClientGone is nginx's number for a client that closed before the answer; it is logged and never sent.
const statusClientGone = 499

// writeProblem sends the problem document of status. The app's headers that were already set go: the answer is ours.
func (x *exchange) writeProblem(status int) {
	h := x.w.Header()
	for name := range h {
		if name != "Retry-After" && name != "Allow" && name != "Www-Authenticate" {
			delete(h, name)
		}
	}
	h["Content-Type"] = problemType
	h["Cache-Control"] = noStore
	if status == http.StatusRequestEntityTooLarge || status == http.StatusRequestTimeout {
		h["Connection"] = connectionClose
	}
	body := x.problem(make([]byte, 0, 192), status)
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	// The client may be gone; its answer is nobody's then.
	_, _ = x.w.Write(body)
}

var (
	problemType     = []string{"application/problem+json"}
	noStore         = []string{"no-store"}
	connectionClose = []string{"close"}
)

func (x *exchange) problem(b []byte, status int) []byte {
	b = append(b, `{"type":"about:blank","title":"`...)
	b = append(b, http.StatusText(status)...)
	b = append(b, `","status":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	b = append(b, `,"timestamp":"`...)
	b = x.start.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","requestId":"`...)
	b = append(b, x.id...)
	return append(b, "\"}\n"...)
}
