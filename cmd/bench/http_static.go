package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
)

// static is the app of a comparison: it answers every request alike, as cheaply as it can.
type static struct {
	addr    string
	ln      net.Listener
	answer  []byte
	running sync.WaitGroup
}

func startStatic(size int) (*static, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	head := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\nETag: W/\"c8-x\"\r\n"+
		"Date: Tue, 24 Nov 2026 06:00:00 GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=60\r\nX-Powered-By: Express\r\n\r\n", size)
	s := &static{addr: ln.Addr().String(), ln: ln, answer: append([]byte(head), strings.Repeat("x", size)...)}
	s.running.Go(s.accept)
	return s, nil
}

func (s *static) accept() {
	for {
		c, err := s.ln.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go s.serve(c) // it ends with the connection, at the latest when the process does
		}
	}
}

// serve answers each head that comes on c; bodies are not expected.
func (s *static) serve(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 16<<10)
	have := 0
	for {
		n, err := c.Read(buf[have:])
		if err != nil {
			return
		}
		have += n
		if bytes.HasSuffix(buf[:have], []byte("\r\n\r\n")) {
			have = 0
			if _, err := c.Write(s.answer); err != nil {
				return
			}
		} else if have == len(buf) {
			return
		}
	}
}

func (s *static) close() {
	_ = s.ln.Close()
	s.running.Wait()
}
