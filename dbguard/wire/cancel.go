package wire

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// cancelPatience bounds one cancel request on its way to the server.
const cancelPatience = 5 * time.Second

// cancelKey is what a client must know to cancel its statement; it is ours, the server's never leaves the door.
type cancelKey struct {
	pid    uint32
	secret []byte
}

// newKey gives s a key that no other session has. Protocol 3.2 has room for a long secret.
func (x *proxy) newKey(s *session, minor uint16) error {
	size := 4
	if minor >= 2 {
		size = 32
	}
	secret := make([]byte, size)
	if _, err := rand.Read(secret); err != nil {
		return fmt.Errorf("make cancel key: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for x.lastPID++; x.lastPID == 0 || x.keys[x.lastPID] != nil; {
		x.lastPID++
	}
	s.key = cancelKey{pid: x.lastPID, secret: secret}
	x.keys[s.key.pid] = s
	return nil
}

// adopt gives s the pid of the server connection that it has for good, so that what it reads of itself in pg_stat_activity is true.
func (x *proxy) adopt(s *session, pid uint32) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.keys[pid] == nil {
		delete(x.keys, s.key.pid)
		s.key.pid = pid
		x.keys[pid] = s
	}
}

// cancelRequest acts on a CancelRequest message's pid and secret. A wrong key does nothing and is not told.
func (x *proxy) cancelRequest(pid uint32, secret []byte) {
	x.mu.Lock()
	s := x.keys[pid]
	x.mu.Unlock()
	if s == nil || subtle.ConstantTimeCompare(s.key.secret, secret) != 1 {
		return
	}
	if w := s.waiting.Load(); w != nil && x.pool.giveUp(w, refuse(codeCancelled, "canceling statement due to user request")) {
		return
	}
	if l := s.link.Load(); l != nil {
		l.mu.Lock()
		if l.session == s && !l.back.owed.empty() && !l.settingUp && !l.probing {
			x.cancel(l)
		}
		l.mu.Unlock()
	}
}

// cancel cancels what runs on l. The link serves nobody before the request's end was seen, so that it hits nothing else.
// l.mu is held.
func (x *proxy) cancel(l *link) {
	if l.cancels > 0 || l.closed {
		return
	}
	l.cancels++
	l.fence = make(chan struct{})
	x.work.Go(func() {
		if err := l.sendCancel(); err != nil {
			x.logger.Warn("cancel request was not delivered", "error", err)
			l.hangUp()
		}
		l.cancelled()
	})
}

// cancelled opens the fence.
func (l *link) cancelled() {
	l.mu.Lock()
	l.cancels--
	close(l.fence)
	release := l.parked && !l.closed
	if l.parting && !l.closed && l.session != nil {
		release = l.farewell(&l.session.front)
	}
	l.parked, l.parting = false, false
	l.mu.Unlock()
	if release {
		l.pool.put(l)
	}
	if l.flush() != nil {
		l.hangUp()
	}
}

// chase stops what a client that is gone left running. It is called until nothing runs: a cancel request that came before its
// statement began, or while the one before it ran, hits nothing of it. l.mu is held.
func (x *proxy) chase(l *link) {
	if l.back.copyIn && !l.back.copyDone {
		l.out = append(l.out, copyFail...)
		l.back.copyDone = true
	}
	x.cancel(l)
}

// cancelThenClose stops what runs on l and gives the connection up, since nobody can say what state it is in. l.mu is held.
func (x *proxy) cancelThenClose(l *link) {
	l.closed = true
	x.work.Go(func() {
		if err := l.sendCancel(); err != nil {
			x.logger.Warn("cancel request was not delivered", "error", err)
		}
		l.hangUp()
	})
}

// sendCancel asks the server to cancel what l runs and returns when the server has acted on it: when it closes the connection.
func (l *link) sendCancel() error {
	ctx, stop := context.WithTimeout(context.Background(), cancelPatience)
	defer stop()
	addr := l.conn.RemoteAddr()
	conn, err := l.pool.proxy.dial(ctx, addr.Network(), addr.String())
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(cancelPatience))
	if l.secure != nil {
		if conn, err = secured(conn, l.secure); err != nil {
			return err
		}
	}
	request := binary.BigEndian.AppendUint32(nil, uint32(12+len(l.secret)))
	request = binary.BigEndian.AppendUint32(request, cancelRequestCode)
	request = append(binary.BigEndian.AppendUint32(request, l.pid), l.secret...)
	if _, err := conn.Write(request); err != nil {
		return fmt.Errorf("write: %w", err)
	}
	_, _ = io.Copy(io.Discard, conn) // a reset tells the end as well
	return nil
}

// secured turns on TLS the way the server connection itself did.
func secured(conn net.Conn, config *tls.Config) (net.Conn, error) {
	request := binary.BigEndian.AppendUint32(nil, 8)
	if _, err := conn.Write(binary.BigEndian.AppendUint32(request, sslRequestCode)); err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	var answer [1]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	if answer[0] != 'S' {
		return nil, fmt.Errorf("TLS refused by the server")
	}
	return tls.Client(conn, config), nil
}
