//go:build !linux

package wire

import "net"

// loop and swift are nothing on this system: connections are read and written as Go does it.
type loop struct{}

type swift struct{ net.Conn }

func newLoop(bool) (*loop, error) { return nil, nil }

func (*loop) take(conn net.Conn) net.Conn { return conn }

func (*loop) lock(m tryLocker) { m.Lock() }

func (*loop) relieve() {}

func (*loop) patrol() {}

func (*loop) close() {}

func (*swift) each(tryLocker, func() []byte, func(int) bool) error { return net.ErrClosed }
