package upstream

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestUpgradesOtherThanWebSocketNeverReachTheApp(t *testing.T) {
	d := front(t, rawApp(t, func(c net.Conn, head string) {
		t.Errorf("app got %q, want nothing", head)
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
	}), nil)
	for _, head := range []string{
		"GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n",
		"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
		"POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
		"GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: short\r\n",
		"GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
	} {
		c := d.dial()
		_, _ = io.WriteString(c, head+"Host: a\r\n\r\n")
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != 400 {
			t.Errorf("%.60q: got %v, %v, want 400", head, res, err)
		}
		_ = c.Close()
	}
}

func TestRefusedUpgradeStaysHTTP(t *testing.T) {
	d := front(t, rawApp(t, func(c net.Conn, head string) {
		for ; head != ""; head = readHead(c) {
			_, _ = io.WriteString(c, "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno")
		}
	}), nil)
	c := d.dial()
	answers := bufio.NewReader(c)
	for range 2 {
		_, _ = io.WriteString(c, upgradeHead)
		res, err := http.ReadResponse(answers, nil)
		if err != nil || res.StatusCode != 426 {
			t.Fatalf("got %v, %v, want 426", res, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
	}
}

func TestBytesBehindTheHandshakeAreNotLost(t *testing.T) {
	d := front(t, rawApp(t, func(c net.Conn, _ string) {
		// The first frame comes in one piece with the 101.
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x05hello")
		_, _ = io.Copy(c, c)
	}), nil)
	c := d.dial()
	_, _ = io.WriteString(c, upgradeHead+"\x81\x81\x00\x00\x00\x00x")
	if head := readHead(c); !strings.HasPrefix(head, "HTTP/1.1 101 Switching Protocols\r\n") {
		t.Fatalf("got %q, want 101", head)
	}
	got := make([]byte, 14)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "\x81\x05hello\x81\x81\x00\x00\x00\x00x" {
		t.Errorf("got %q, %v, want the app's frame and the echo of ours", got, err)
	}
}

func TestIdleWebSocketOutlivesTheTimeLimits(t *testing.T) {
	d := front(t, rawApp(t, socketApp), func(s *Settings, _ *Parts) { s.Timeout, s.StreamIdle = time.Second, 50*time.Millisecond })
	c := d.dial()
	_, _ = io.WriteString(c, upgradeHead)
	readHead(c)
	time.Sleep(1500 * time.Millisecond) // the silence that is tested
	_, _ = io.WriteString(c, "\x82\x00")
	got := make([]byte, 2)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "\x82\x00" {
		t.Errorf("after the silence: got %q, %v, want the frame back", got, err)
	}
}

func TestFarewellWaitsForTheEndOfAFrame(t *testing.T) {
	half, rest := make(chan struct{}), make(chan struct{})
	d := front(t, rawApp(t, func(c net.Conn, head string) {
		_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x0ahello")
		<-half
		<-rest
		_, _ = io.WriteString(c, "world\x81\x03end")
		_, _ = io.Copy(io.Discard, c)
	}), nil)
	c := d.dial()
	_, _ = io.WriteString(c, upgradeHead)
	readHead(c)
	got := make([]byte, 7)
	if _, err := io.ReadFull(c, got); err != nil || string(got) != "\x81\x0ahello" {
		t.Fatalf("got %q, %v, want half a frame", got, err)
	}
	close(half)
	drained := make(chan error, 1)
	go func() { drained <- d.up.Drain(t.Context()) }()
	eventually(t, "farewell due", func() bool {
		d.up.upgrades.mu.Lock()
		defer d.up.upgrades.mu.Unlock()
		for w := range d.up.upgrades.open {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.due
		}
		return false
	})
	close(rest)
	if all, _ := io.ReadAll(c); string(all) != "world\x88\x02\x03\xe9" {
		t.Errorf("got %q, want the frame's rest, then 1001, then nothing", all)
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
}

func TestFramesAreFollowedAcrossAnyCut(t *testing.T) {
	var stream []byte
	var ends []int
	for _, size := range []int{0, 1, 125, 126, 65535, 65536} {
		for _, masked := range []byte{0, 0x80} {
			switch {
			case size < 126:
				stream = append(stream, 0x82, masked|byte(size))
			case size < 65536:
				stream = append(stream, 0x82, masked|126, byte(size>>8), byte(size))
			default:
				stream = append(stream, 0x82, masked|127, 0, 0, 0, 0, 0, byte(size>>16), byte(size>>8), byte(size))
			}
			if masked != 0 {
				stream = append(stream, 1, 2, 3, 4)
			}
			stream = append(stream, bytes.Repeat([]byte{0xff}, size)...)
			ends = append(ends, len(stream))
		}
	}
	for _, step := range []int{1, 2, 3, 7, 1000, len(stream)} {
		var f frames
		at := f.follow(stream[:1], false)
		for _, end := range ends {
			for at < end {
				at += f.follow(stream[at:min(at+step, len(stream))], true)
				if f.between() {
					break
				}
			}
			if at != end {
				t.Fatalf("step %d: a frame ends at %d, want %d", step, at, end)
			}
			// With stop nothing passes between frames; the next is begun without.
			if at < len(stream) {
				at += f.follow(stream[at:at+1], false)
			}
		}
	}
}
