// Package ingress reads request heads and chunks, and refuses those that two servers could read differently.
package ingress

import (
	"fmt"
	"net"
	"time"
)

// Settings are the limits of a request head.
type Settings struct {
	HeaderMax int64 `yaml:"header_max" unit:"bytes" doc:"Largest request head, request line included; a larger one is answered 431."`
	URIMax    int64 `yaml:"uri_max" unit:"bytes" doc:"Longest request target; a longer one is answered 414."`
	FieldsMax int64 `yaml:"header_fields" doc:"Most header fields of one request; more are answered 431."`

	// HeaderTimeout is the time for a head to arrive once its first byte has. Its key, timeouts.header, belongs to the door;
	// whoever gathers the settings sets it here. 0 sets none.
	HeaderTimeout time.Duration `yaml:"-"`
}

// Defaults returns the settings that hold where a file says nothing.
func Defaults() Settings {
	return Settings{HeaderMax: 32 << 10, URIMax: 16 << 10, FieldsMax: 128, HeaderTimeout: 5 * time.Second}
}

// Validate returns all mistakes of s; each text begins with its key.
func (s Settings) Validate() []error {
	var bad []error
	if s.HeaderMax < 1<<10 || s.HeaderMax > 1<<20 {
		bad = append(bad, fmt.Errorf("header_max is %d, want 1 KB to 1 MB", s.HeaderMax))
	}
	if s.URIMax < 256 || s.URIMax > s.HeaderMax {
		bad = append(bad, fmt.Errorf("uri_max is %d, want 256 B to header_max (%d)", s.URIMax, s.HeaderMax))
	}
	if s.FieldsMax < 16 {
		bad = append(bad, fmt.Errorf("header_fields is %d, want 16 or more", s.FieldsMax))
	}
	if s.HeaderTimeout < 0 {
		bad = append(bad, fmt.Errorf("timeouts.header is %v, want 0 or more", s.HeaderTimeout))
	}
	return bad
}

// Refused is a request that never reached the server. It holds no header and no query.
type Refused struct {
	Refusal
	// Remote is the peer.
	Remote net.Addr
	// Method and Path are "" where the request line was not understood.
	Method, Path string
}
