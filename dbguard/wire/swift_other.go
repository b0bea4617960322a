//go:build !linux

package wire

import (
	"net"
	"sync"
)

// swift is nothing on this system: connections are read and written as Go does it.
type swift struct{ net.Conn }

func swiftly(net.Conn) *swift { return nil }

func (c *swift) each(sync.Locker, func() []byte, func(int) bool) error { return net.ErrClosed }

func (c *swift) over() bool { return false }
