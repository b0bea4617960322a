// Package dashboard serves the embedded page and its event stream. It draws what it is told: every word, number and judgement
// comes from a View that the gateway makes.
package dashboard

import (
	"context"
	"embed"
	"net/http"
	"sync"
	"time"
)

// assets are the page's files; nothing is built and nothing comes from elsewhere.
//
//go:embed assets
var assets embed.FS

// Source is where the page's contents come from. Its functions may be called by several goroutines and must not block for long.
type Source struct {
	// View returns what the named page shows now; ok is false where there is no such page.
	View func(page string) (v View, ok bool)
	// Series returns the chart's history over the last span, at most 1,000 points.
	Series func(ctx context.Context, span time.Duration) (Series, error)
}

// Page is the embedded page with its stream.
type Page struct {
	source  Source
	every   time.Duration
	streams chan struct{} // one token a stream
	files   func() map[string]file
	closed  chan struct{}
	close   sync.Once

	mu    sync.Mutex // guards shown
	shown map[string]*shown
}

// maxStreams is how many browsers may watch at once.
const maxStreams = 8

// New returns the page over source. Its files are packed when the first is asked for: most gateways show the page rarely.
func New(source Source) *Page {
	return &Page{source: source, every: time.Second, streams: make(chan struct{}, maxStreams), files: sync.OnceValue(readFiles), closed: make(chan struct{}), shown: map[string]*shown{}}
}

// Close ends every stream, so that the listener can drain. It may be called twice.
func (p *Page) Close() { p.close.Do(func() { close(p.closed) }) }

// Handler serves /, /assets/, /api/page/stream, /api/page/view and /api/page/series. It adds the page's own headers; who may
// call it is for the listener to decide.
func (p *Page) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.serveFile)
	mux.HandleFunc("GET /assets/", p.serveFile)
	mux.HandleFunc("GET /api/page/stream", p.serveStream)
	mux.HandleFunc("GET /api/page/view", p.serveView)
	mux.HandleFunc("GET /api/page/series", p.serveSeries)
	return withHeaders(mux)
}

// policy allows the page's own files and nothing else, and no text to become markup or script (CSP level 3, Trusted Types).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

func withHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}
