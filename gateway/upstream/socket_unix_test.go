//go:build unix

package upstream

import (
	"io"
	"net"
	"testing"
)

func TestNoBufferIsHeldWhileTheAppIsWaitedFor(t *testing.T) {
	ln := listen(t)
	raw, err := net.Dial("tcp4", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	app, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	c := newConn(raw)
	came := false
	if err := c.sys.Control(func(fd uintptr) { came = c.tryRead(fd) }); err != nil || came {
		t.Fatalf("a silent app: got %v, %v, want nothing yet", came, err)
	}
	if c.buf != nil {
		t.Error("a buffer is held before the app has said anything")
	}
	if _, err := io.WriteString(app, "HTTP/1.1"); err != nil {
		t.Fatal(err)
	}
	if err := c.fill(); err != nil || string(c.buffered()) != "HTTP/1.1" {
		t.Fatalf("got %q, %v, want what the app wrote", c.buffered(), err)
	}
	c.r = c.w
	c.enlarge()
	if _, err := io.WriteString(app, " 200 OK"); err != nil {
		t.Fatal(err)
	}
	if err := c.fill(); err != nil || string(c.buffered()) != " 200 OK" || len(c.buf) != largeSize {
		t.Fatalf("got %q in %d bytes, %v, want the rest in a large buffer", c.buffered(), len(c.buf), err)
	}
	_ = app.Close()
	c.r = c.w
	if err := c.fill(); err != io.EOF || c.r != c.w {
		t.Errorf("got %v with %d bytes, want io.EOF with none", err, c.w-c.r)
	}
}
