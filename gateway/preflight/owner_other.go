//go:build !linux && !windows

package preflight

import "net/netip"

// listeners knows nothing: this system tells owners to lsof only.
func listeners(uint16) []Owner { return nil }

// socketOwner knows nothing.
func socketOwner(netip.AddrPort, uint16) (Owner, bool) { return Owner{}, false }
