// Package middleware holds the stages that harden an HTTP request, one file each; their order stands in Chain.
package middleware

import "time"

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
