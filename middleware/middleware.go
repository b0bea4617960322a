// Package middleware holds the stages that harden an HTTP request, one file each; their order stands in Chain.
package middleware

import (
	"errors"

	"github.com/gin-gonic/gin"
)

// Chain returns the stages in their order, built from s. It keeps nothing but what p brings, so a reload builds a new
// chain over the same State, puts it into a new engine and swaps the engine; requests under way end on the old one.
func Chain(s Settings, p Parts) ([]gin.HandlerFunc, error) {
	if bad := s.Validate(); len(bad) > 0 {
		return nil, errors.Join(bad...)
	}
	d, err := newDoor(s, p)
	if err != nil {
		return nil, err
	}
	return []gin.HandlerFunc{
		d.recover,
		d.requestID,
		d.clientIP,
		d.accessLog,
		d.headers,
		d.cors,
		d.hold,
		d.rateLimit,
		d.accessToken,
		d.bodySize,
		d.deadlines,
	}, nil
}
