package http1

import (
	"errors"
	"net"
	"net/http"
	"testing"

	"sallyport/gateway/ingress"
)

func TestMoveBeforeServeAndAfterClose(t *testing.T) {
	at := func() net.Listener {
		ln, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return ln
	}
	first, second, third := at(), at(), at()
	s := &Server{Handler: http.HandlerFunc(echo), Head: ingress.Defaults()}
	if err := s.Move(second); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(first) }()
	res, err := http.Get("http://" + second.Addr().String())
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("got %v, %v, want 200 where the server was moved to before it served", res, err)
	}
	_ = res.Body.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Move(third); !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("a closed server moves: got %v, want http.ErrServerClosed", err)
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve returned %v, want http.ErrServerClosed", err)
	}
	for _, ln := range []net.Listener{first, third} {
		if err := ln.Close(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("a listener of no use: got %v, want it closed already", err)
		}
	}
}
