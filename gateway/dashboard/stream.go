package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// serveView answers the named page once, as JSON.
func (p *Page) serveView(w http.ResponseWriter, r *http.Request) {
	body, err := p.encoded(pageName(r))
	if errors.Is(err, errNoPage) {
		http.NotFound(w, r)
		return
	}
	if err != nil {
		http.Error(w, "the page cannot be drawn now", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(body) // a reader that went away needs no answer
}

var errNoPage = errors.New("there is no such page")

// shown is a page's newest view, as JSON. However many browsers watch a page, it is made once a beat.
type shown struct {
	mu   sync.Mutex // held while the view is made, so that it is made once
	at   time.Time
	body []byte
}

// encoded returns the named page as JSON, at most one beat old. The bytes are not to be changed.
func (p *Page) encoded(name string) ([]byte, error) {
	p.mu.Lock()
	s := p.shown[name]
	p.mu.Unlock()
	if s == nil {
		if _, ok := p.source.View(name); !ok {
			return nil, errNoPage // and nothing is remembered of names that are none
		}
		p.mu.Lock()
		if s = p.shown[name]; s == nil {
			s = &shown{}
			p.shown[name] = s
		}
		p.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.body != nil && time.Since(s.at) < p.every*9/10 {
		return s.body, nil
	}
	v, _ := p.source.View(name)
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode view: %w", err)
	}
	s.at, s.body = time.Now(), body
	return body, nil
}

func pageName(r *http.Request) string {
	if name := r.URL.Query().Get("page"); name != "" {
		return name
	}
	return "overview"
}

// spans are the ranges that the chart offers.
var spans = map[string]time.Duration{"1h": time.Hour, "24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour, "30d": 30 * 24 * time.Hour}

// serveSeries answers the chart's history over one of spans.
func (p *Page) serveSeries(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("span")
	span, ok := spans[name]
	if !ok {
		http.Error(w, "span is none of 1h, 24h, 7d, 30d", http.StatusBadRequest)
		return
	}
	s, err := p.source.Series(r.Context(), span)
	if err != nil {
		http.Error(w, "history is not readable now", http.StatusServiceUnavailable)
		return
	}
	s.Span = name
	writeJSON(w, s)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(v) // a reader that went away needs no answer
}

// serveStream sends the named page once a second as server-sent events (HTML Standard, 9.2). Each event is a whole view, so that a
// browser that reconnects with Last-Event-ID has missed nothing it needs. It ends when the reader goes or the Page is closed.
func (p *Page) serveStream(w http.ResponseWriter, r *http.Request) {
	page := pageName(r)
	if _, err := p.encoded(page); err != nil {
		http.NotFound(w, r)
		return
	}
	select {
	case p.streams <- struct{}{}:
		defer func() { <-p.streams }()
	default:
		w.Header().Set("Retry-After", "5")
		http.Error(w, fmt.Sprintf("%d pages watch already; close one", maxStreams), http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	id, _ := strconv.ParseUint(r.Header.Get("Last-Event-ID"), 10, 64)
	tick := time.NewTicker(p.every)
	defer tick.Stop()
	for {
		id++
		if err := p.sendEvent(w, page, id); err != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-p.closed:
			return
		case <-tick.C:
		}
	}
}

// sendEvent writes one view and waits at most five seconds for the reader to take it.
func (p *Page) sendEvent(w http.ResponseWriter, page string, id uint64) error {
	body, err := p.encoded(page)
	if err != nil {
		return err
	}
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(5 * time.Second)) // not every writer has deadlines
	if _, err := fmt.Fprintf(w, "id: %d\ndata: %s\n\n", id, body); err != nil {
		return err
	}
	return rc.Flush()
}
