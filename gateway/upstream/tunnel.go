package upstream

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// tunnel is a WebSocket between client and app. Bytes pass as they are; frames of the app are followed only so far that
// a close frame of ours never stands inside one of them.
type tunnel struct {
	client, app *conn
	// feed is shown the client's bytes before the app gets them; nil where nobody looks.
	feed func([]byte)
	// told is true once leave was called.
	told atomic.Bool

	mu     sync.Mutex // guards what follows, and writing to client
	frames frames
	// leaving is true once the client was told that the server goes away; nothing of the app follows.
	leaving bool
	// due is true where the client is to be told at the end of the running frame.
	due bool
}

// goingAway is the close frame with status 1001 (RFC 6455, 5.5.1 and 7.4.1).
var goingAway = []byte{0x88, 0x02, 0x03, 0xe9}

// switchProtocols answers 101 and relays until one side ends.
func (x *exchange) switchProtocols() {
	c := x.conn
	c.begin(x.c.Request.Context(), time.Now(), 0)
	conn, rw, err := http.NewResponseController(x.c.Writer).Hijack()
	if err != nil {
		x.fail(err)
		return
	}
	early, _ := rw.Reader.Peek(rw.Reader.Buffered()) // what is buffered can be peeked at
	t := &tunnel{client: newConn(conn), app: c}
	if follow := x.u.parts.FollowClient; follow != nil {
		t.feed = follow(x.c, x.answer.extensions())
	}
	x.u.upgrades.remember(t)
	x.u.meter.upgrades.Add(1)
	defer func() {
		x.u.upgrades.forget(t)
		x.u.meter.upgrades.Add(-1)
	}()
	t.run(x.answer.switchHead(), early)
}

// switchHead returns the 101 that the client gets.
func (a *response) switchHead() []byte {
	b := append([]byte(nil), "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"...)
	for _, f := range a.fields {
		if key := canonical(f.name); !a.hop(key) && key != "Server" && key != "X-Powered-By" {
			b = appendField(b, f.name, f.value)
		}
	}
	return append(b, "\r\n"...)
}

// extensions are those of the WebSocket that both sides agreed on.
func (a *response) extensions() string {
	var all []string
	for _, f := range a.fields {
		if strings.EqualFold(f.name, "Sec-WebSocket-Extensions") {
			all = append(all, f.value)
		}
	}
	return strings.Join(all, ", ")
}

// run relays until one side ends, and closes both. fromClient was read before.
func (t *tunnel) run(head, fromClient []byte) {
	defer t.client.Close()
	up := make(chan struct{})
	go func() {
		defer close(up)
		t.pull(fromClient)
		_ = t.app.Close()
	}()
	if _, err := t.client.Write(head); err == nil {
		t.relay()
	}
	_ = t.app.Close()
	_ = t.client.SetReadDeadline(time.Now())
	<-up
}

// pull copies the client's bytes to the app, first those read before. Which side broke off is the same to both: the tunnel is over.
func (t *tunnel) pull(early []byte) {
	if t.feed == nil {
		if _, err := t.app.Write(early); err == nil {
			_, _ = io.Copy(t.app.Conn, t.client.Conn)
		}
		return
	}
	t.feed(early)
	if _, err := t.app.Write(early); err != nil {
		return
	}
	c := t.client
	for c.enlarge(); c.fill() == nil; c.r = c.w {
		t.feed(c.buffered())
		if _, err := t.app.Write(c.buffered()); err != nil {
			return
		}
	}
}

// relay copies the app's frames to the client.
func (t *tunnel) relay() {
	c := t.app
	c.body = true
	for t.pass(c.buffered()) {
		if c.r = c.w; c.fill() != nil {
			return
		}
	}
}

// pass sends b to the client, and the farewell where a frame ends and it is due.
func (t *tunnel) pass(b []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.leaving {
		return true
	}
	n := t.frames.follow(b, t.due)
	if n > 0 {
		if _, err := t.client.Write(b[:n]); err != nil {
			return false
		}
	}
	if t.due && t.frames.between() {
		t.farewell()
	}
	return true
}

// leave tells the client that the server goes away, at once or where the running frame ends.
func (t *tunnel) leave(within time.Duration) {
	if t.told.Swap(true) {
		return
	}
	until := time.Now().Add(within)
	// A peer that takes no deadline is gone.
	_ = t.client.SetDeadline(until)
	_ = t.app.SetDeadline(until)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.due = true; t.frames.between() {
		t.farewell()
	}
}

func (t *tunnel) farewell() {
	if !t.leaving {
		t.leaving = true
		_, _ = t.client.Write(goingAway)
	}
}
