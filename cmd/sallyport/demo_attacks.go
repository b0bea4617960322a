package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// The demo's attacks in numbers.
const (
	floodRequests = 300
	floodHands    = 8
	spoofRequests = 150
	spoofHands    = 4
	bodyBytes     = 12_000_000 // above the limit of 10 MB
)

// attackReport is what became of one attack.
type attackReport struct {
	Name string `json:"name"`
	// Stopped says that the doors held; ReachedData that the attack got at data or work that it must not.
	Stopped     bool `json:"stopped"`
	ReachedData bool `json:"reachedData"`
	// Unguarded is what the same attack did without the doors, "" where it was not tried.
	Unguarded string `json:"unguarded,omitempty"`
	Guarded   string `json:"guarded"`
	// By names what stopped it.
	By string `json:"by,omitempty"`
}

// attack is one of the demo's.
type attack struct {
	name string
	play func(context.Context, *stage) (attackReport, error)
}

// attacks are all of them in order; those on the database come first and are left out where there is none.
func (s *stage) attacks() []attack {
	web := []attack{
		{"request flood", flood},
		{"oversized body", oversized},
		{"spoofed client address", spoof},
	}
	if s.database == nil {
		return web
	}
	return append([]attack{{"SQL injection", injection}}, web...)
}

// injected closes the literal of the search and reads another table.
const injected = "zzz%' union select name, secret from users --"

// injection asks the search for the users' secrets: straight at the app, where it must succeed or the demo proves nothing,
// and through the doors.
func injection(ctx context.Context, s *stage) (attackReport, error) {
	path := "/search?q=" + url.QueryEscape(injected)
	naked, err := s.steal(ctx, s.naked.url(), path)
	if err != nil {
		return attackReport{}, err
	}
	if naked.stolen != len(s.database.secrets) {
		return attackReport{}, fmt.Errorf("the shop gave away %d of %d secrets without the doors, so the demo would prove nothing", naked.stolen, len(s.database.secrets))
	}
	guarded, err := s.steal(ctx, s.door(), path)
	if err != nil {
		return attackReport{}, err
	}
	blocked, err := s.lastBlocked(ctx)
	if err != nil {
		return attackReport{}, err
	}
	return attackReport{
		Stopped: guarded.stolen == 0 && blocked != "", ReachedData: guarded.stolen > 0, By: blocked,
		Unguarded: naked.String(), Guarded: guarded.String(),
	}, nil
}

// theft is an answer and how many secrets it gave away.
type theft struct{ status, stolen, of int }

func (t theft) String() string {
	return fmt.Sprintf("answered %d with %d of %d secrets", t.status, t.stolen, t.of)
}

func (s *stage) steal(ctx context.Context, base, path string) (theft, error) {
	thief := newVisitor(base, "203.0.113.7")
	defer thief.leave()
	r, err := thief.get(ctx, path, nil)
	t := theft{status: r.status, of: len(s.database.secrets)}
	for _, secret := range s.database.secrets {
		t.stolen += strings.Count(r.body, secret)
	}
	return t, err
}

// wave is what many requests of one client got.
type wave struct {
	mu    sync.Mutex
	codes map[int]int
	err   error
}

// surge sends n requests with hands at a time, each with the headers of its number.
func (v *visitor) surge(ctx context.Context, n, hands int, path string, headers func(int) map[string]string) (*wave, error) {
	w := wave{codes: map[int]int{}}
	numbers := make(chan int)
	var all sync.WaitGroup
	for range hands {
		all.Go(func() {
			for i := range numbers {
				r, err := v.get(ctx, path, headers(i))
				w.mu.Lock()
				w.codes[r.status]++
				if err != nil {
					w.err = err
				}
				w.mu.Unlock()
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	all.Wait()
	return &w, w.err
}

// flood asks for the search as fast as it can from one address.
func flood(ctx context.Context, s *stage) (attackReport, error) {
	return s.rush(ctx, rush{"203.0.113.8", floodRequests, floodHands, func(int) map[string]string { return nil }})
}

// spoof names another client in each request, in every header that apps believe. cloudflared itself names it once.
func spoof(ctx context.Context, s *stage) (attackReport, error) {
	return s.rush(ctx, rush{"203.0.113.9", spoofRequests, spoofHands, func(i int) map[string]string {
		other := fmt.Sprintf("192.0.2.%d", i%250+1)
		return map[string]string{
			"X-Forwarded-For": other, "X-Real-IP": other, "True-Client-IP": other, "X-Client-IP": other,
			"Forwarded": "for=" + other, "CF_Connecting_IP": other, "X-Cluster-Client-IP": other,
		}
	}})
}

// rush is many requests of one client.
type rush struct {
	addr    string
	n       int
	hands   int // how many at a time
	headers func(int) map[string]string
}

// rush plays r without the doors and with them, and holds what came through to the shop against the limit.
func (s *stage) rush(ctx context.Context, r rush) (attackReport, error) {
	words := "flood-" + r.addr
	if _, err := r.at(ctx, s.naked.url(), words); err != nil {
		return attackReport{}, err
	}
	began := time.Now()
	w, err := r.at(ctx, s.door(), words)
	if err != nil {
		return attackReport{}, err
	}
	limit := s.config.HTTP.Door.RateLimit
	allowed := int(limit.Requests) + int(time.Since(began)*time.Duration(limit.Requests)/limit.Per) + 1
	through, limited := s.guarded.searched(words), w.codes[http.StatusTooManyRequests]
	return attackReport{
		Stopped: through <= allowed && limited == r.n-through, ReachedData: through > allowed, By: "rate limit",
		Unguarded: fmt.Sprintf("%d of %d requests reached the shop", s.naked.searched(words), r.n),
		Guarded:   fmt.Sprintf("%d of %d requests reached the shop (the limit is %d in %s), %d answered 429", through, r.n, limit.Requests, span(limit.Per), limited),
	}, nil
}

func (r rush) at(ctx context.Context, base, words string) (*wave, error) {
	v := newVisitor(base, r.addr)
	defer v.leave()
	return v.surge(ctx, r.n, r.hands, "/search?q="+words, r.headers)
}

// span is d as a person writes it: 15m.
func span(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "0m")
}

// oversized sends a body above the limit, once with its length told and once in chunks.
func oversized(ctx context.Context, s *stage) (attackReport, error) {
	if _, err := heavy(ctx, s.naked.url()); err != nil {
		return attackReport{}, err
	}
	codes, err := heavy(ctx, s.door())
	if err != nil {
		return attackReport{}, err
	}
	through := s.guarded.large.Load()
	const refused = http.StatusRequestEntityTooLarge
	return attackReport{
		Stopped: codes == [2]int{refused, refused} && through == 0, ReachedData: through > 0, By: "body limit",
		Unguarded: fmt.Sprintf("the shop took in %d of 2 bodies of %d MB", s.naked.large.Load(), bodyBytes/1_000_000),
		Guarded:   fmt.Sprintf("the shop took in %d of 2; answered %d, and %d in chunks", through, codes[0], codes[1]),
	}, nil
}

// heavy posts both bodies and returns the statuses.
func heavy(ctx context.Context, base string) (codes [2]int, err error) {
	v := newVisitor(base, "203.0.113.10")
	defer v.leave()
	for i, body := range []io.Reader{strings.NewReader(strings.Repeat("x", bodyBytes)), io.LimitReader(endless{}, bodyBytes)} {
		r, err := v.post(ctx, "/reviews", "text/plain", body)
		if err != nil {
			return codes, err
		}
		codes[i] = r.status
	}
	return codes, nil
}

// endless is a body without end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
