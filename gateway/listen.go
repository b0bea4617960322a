package gateway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"sallyport/gateway/preflight"
)

// PortTakenError is an address that another process holds; nothing was started.
type PortTakenError struct {
	// Addr is the address, Key the setting that names it.
	Addr, Key string
	// Owners are the processes in the way, none where the system does not tell.
	Owners []preflight.Owner
}

// Error is "cannot listen on 127.0.0.1:8080: held by pid 812 (node server.js, since 09:14). End it, or set http.listen".
func (e *PortTakenError) Error() string {
	who := "another process"
	if len(e.Owners) > 0 {
		names := make([]string, len(e.Owners))
		for i, o := range e.Owners {
			names[i] = o.String()
		}
		who = strings.Join(names, " and ")
	}
	return fmt.Sprintf("cannot listen on %s: held by %s. End it, or set %s", e.Addr, who, e.Key)
}

// listen opens addr, which the setting key names. An IPv4 literal listens on IPv4 only: Go's "tcp" would answer on [::1] too
// where the address is 0.0.0.0, and then localhost means two things.
func listen(ctx context.Context, key, addr string) (net.Listener, error) {
	at, err := netip.ParseAddrPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%s is %q, want an IP address and a port", key, addr)
	}
	network := "tcp6"
	if at.Addr().Unmap().Is4() {
		network = "tcp4"
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, network, addr)
	switch {
	case err == nil:
		return l, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, &PortTakenError{Addr: addr, Key: key, Owners: preflight.Holders(at)}
	case errors.Is(err, syscall.EACCES) && at.Port() < 1024:
		return nil, fmt.Errorf("cannot listen on %s: ports below 1024 are not for this user. Set %s to a higher one: cloudflared takes any", addr, key)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("cannot listen on %s: this machine has no such address. Set %s to one of its own, or to 127.0.0.1", addr, key)
	default:
		return nil, fmt.Errorf("cannot listen on %s (%s): %w", addr, key, err)
	}
}
