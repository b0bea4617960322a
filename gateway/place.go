package gateway

import (
	"context"
	"net"
	"sync"

	"sallyport/gateway/http1"
)

// place is where the HTTP door listens, and what serves there.
type place struct {
	mu       sync.Mutex   // guards what follows
	listener net.Listener // nil before Listen
	server   *http1.Server
}

// at returns the listener, nil before Listen.
func (p *place) at() net.Listener {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listener
}

func (p *place) set(l net.Listener) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listener = l
}

// serveWith makes s what serves, and returns the listener to begin with.
func (p *place) serveWith(s *http1.Server) net.Listener {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = s
	return p.listener
}

// opened is a listener that a reload has opened and nobody uses yet; nil where the door stays where it is.
type opened struct{ net.Listener }

// close gives the listener up.
func (o *opened) close() error {
	if o == nil {
		return nil
	}
	return o.Close()
}

// openMoved opens the HTTP door's next address where it is another one. With a tunnel the door stays: the tunnel's rules name it.
func (g *Gateway) openMoved(from, to string) (*opened, error) {
	if from == to || g.tunnel != nil {
		return nil, nil
	}
	l, err := listen(context.Background(), "http.listen", to)
	if err != nil {
		return nil, err
	}
	return &opened{l}, nil
}

// move makes the door accept on o and no more where it was; requests and WebSockets that came there go on.
func (p *place) move(o *opened) {
	if o == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		_ = p.listener.Close() // nothing was accepted yet
	} else if p.server.Move(o.Listener) != nil {
		return // the door is closing
	}
	p.listener = o.Listener
}
