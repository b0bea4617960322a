package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// visitor is one client of the demo's shop as cloudflared brings it: from loopback, named by CF-Connecting-IP.
type visitor struct {
	base   string // where it knocks
	addr   string // its address on the internet
	client *http.Client
}

// reception is what a visitor got.
type reception struct {
	status int
	body   string
}

func newVisitor(base, addr string) *visitor {
	return &visitor{base: base, addr: addr, client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 8}}}
}

// leave closes the visitor's connections.
func (v *visitor) leave() { v.client.CloseIdleConnections() }

// get asks for path with further headers.
func (v *visitor) get(ctx context.Context, path string, headers map[string]string) (reception, error) {
	return v.send(ctx, http.MethodGet, path, nil, headers)
}

// post sends body of the type.
func (v *visitor) post(ctx context.Context, path, contentType string, body io.Reader) (reception, error) {
	return v.send(ctx, http.MethodPost, path, body, map[string]string{"Content-Type": contentType})
}

func (v *visitor) send(ctx context.Context, method, path string, body io.Reader, headers map[string]string) (reception, error) {
	req, err := http.NewRequestWithContext(ctx, method, v.base+path, body)
	if err != nil {
		return reception{}, err
	}
	req.Header.Set("CF-Connecting-IP", v.addr)
	req.Header.Set("X-Forwarded-Proto", "https")
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := v.client.Do(req)
	if err != nil {
		return reception{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return reception{res.StatusCode, string(text)}, err
}

// tally counts what a crowd got.
type crowd struct {
	mu              sync.Mutex
	served, refused int
	first           error // of the first that was not served
}

func (c *crowd) count(what string, r reception, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && r.status < http.StatusBadRequest {
		c.served++
		return
	}
	c.refused++
	if c.first == nil {
		c.first = errors.Join(fmt.Errorf("%s was answered %d", what, r.status), err)
	}
}

// honestRounds is how often an honest visitor looks round the shop: five requests each, below the limit of 100.
const honestRounds = 8

// honest lets visitors shop side by side until each has finished its rounds or ctx ends.
func honest(ctx context.Context, base string, visitors int) *crowd {
	var c crowd
	var all sync.WaitGroup
	for i := range visitors {
		all.Go(func() {
			v := newVisitor(base, fmt.Sprintf("198.51.100.%d", i+1))
			defer v.leave()
			for round := range honestRounds {
				v.look(ctx, &c, round)
			}
		})
	}
	all.Wait()
	return &c
}

// look is one round of an honest visitor, whose words hold some that a naive filter would refuse.
func (v *visitor) look(ctx context.Context, c *crowd, round int) {
	words := []string{"kettle", "saw", "select", "union or drop", "1=1", "10 m", "--", "tea; towel"}
	for _, path := range []string{"/", "/search?q=" + url.QueryEscape(words[round%len(words)]), "/search?q=lamp"} {
		r, err := v.get(ctx, path, nil)
		c.count("GET "+path, r, err)
	}
	r, err := v.post(ctx, "/orders", "application/x-www-form-urlencoded", strings.NewReader(fmt.Sprintf("product=%d", round%len(wares)+1)))
	c.count("POST /orders", r, err)
	r, err = v.post(ctx, "/reviews", "text/plain; charset=utf-8", strings.NewReader("It's a kettle; I'd select it or 'union' any day -- 5 stars"))
	c.count("POST /reviews", r, err)
}
