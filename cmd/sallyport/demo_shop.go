package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// shop is the demo's app: a small web shop that trusts everybody.
type shop struct {
	listener net.Listener
	server   *http.Server
	shelf    shelf
	ended    chan struct{}

	mu       sync.Mutex
	searches map[string]int // by the words looked for
	large    atomic.Int64   // bodies of reviews above largeBody that it took in
}

// largeBody is what no honest review needs, bytes.
const largeBody = 1_000_000

// openShop listens on a free port; it serves from serve on.
func openShop() (*shop, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("shop: %w", err)
	}
	return &shop{listener: l, searches: map[string]int{}}, nil
}

// url is where the shop stands.
func (s *shop) url() string { return "http://" + s.listener.Addr().String() }

// serve lets visitors in; what they look for lies on shelf.
func (s *shop) serve(shelf shelf) {
	s.shelf, s.ended = shelf, make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.front)
	mux.HandleFunc("GET /search", s.search)
	mux.HandleFunc("POST /orders", s.order)
	mux.HandleFunc("POST /reviews", s.review)
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		defer close(s.ended)
		_ = s.server.Serve(s.listener) // it ends when the shop closes
	}()
}

// close ends the shop and what visitors are doing in it.
func (s *shop) close() {
	if s.server == nil {
		_ = s.listener.Close() // nobody came in
		return
	}
	_ = s.server.Close() // what is left are connections
	<-s.ended
}

// searched is how often visitors looked for words.
func (s *shop) searched(words string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.searches[words]
}

const frontPage = `<!doctype html><title>Demo shop</title><h1>Demo shop</h1>
<form action="/search"><input name="q" placeholder="kettle"><button>Search</button></form>
`

func (s *shop) front(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, frontPage) // a visitor who left misses nothing
}

func (s *shop) search(w http.ResponseWriter, r *http.Request) {
	words := r.URL.Query().Get("q")
	s.mu.Lock()
	s.searches[words]++
	s.mu.Unlock()
	found, err := s.shelf.search(r.Context(), words)
	answer(w, found, err)
}

func (s *shop) order(w http.ResponseWriter, r *http.Request) {
	product, err := strconv.Atoi(r.FormValue("product"))
	if err != nil {
		http.Error(w, "which product?", http.StatusBadRequest)
		return
	}
	id, err := s.shelf.order(r.Context(), product)
	answer(w, map[string]int{"order": id}, err)
}

func (s *shop) review(w http.ResponseWriter, r *http.Request) {
	words, err := io.ReadAll(r.Body) // no limit: the shop trusts everybody
	if err == nil && len(words) > largeBody {
		s.large.Add(1)
		words = words[:largeBody]
	}
	if err == nil {
		err = s.shelf.review(context.WithoutCancel(r.Context()), string(words))
	}
	answer(w, map[string]int{"bytes": len(words)}, err)
}

// answer writes v as JSON, or says that something broke.
func answer(w http.ResponseWriter, v any, err error) {
	if err != nil {
		http.Error(w, "the shop is in trouble", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a visitor who left misses nothing
}
