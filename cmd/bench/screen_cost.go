package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"time"
)

// costs measures each step. Times are the best of a few rounds: the machine may do other things too.
func (b *screenBench) costs() error {
	for _, measure := range []func() error{b.costOfKnown, b.costOfNew, b.costOfAttacksOnUs, b.costOfExtraction, b.memory} {
		if err := measure(); err != nil {
			return err
		}
	}
	return nil
}

// cost notes a figure.
func (b *screenBench) cost(step string, got, limit float64, unit string) {
	b.result.Costs = append(b.result.Costs, stepCost{Step: step, Got: got, Unit: unit, Limit: limit, OK: limit == 0 || got <= limit})
}

// perCall is the time of one call in microseconds: the best of rounds rounds of calls calls.
func perCall(rounds, calls int, f func(i int)) float64 {
	best := time.Duration(1 << 62)
	for round := range rounds {
		began := time.Now()
		for i := range calls {
			f(round*calls + i)
		}
		best = min(best, time.Since(began))
	}
	return float64(best.Nanoseconds()) / float64(calls) / 1000
}

// mallocs is the allocations of one call.
func mallocs(calls int, f func(i int)) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range calls {
		f(i)
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(calls)
}

// statementOf1KB is a statement of 1 KB with n as one of its values.
func statementOf1KB(n int) string {
	return "select " + strings.Repeat("p.column_name, ", 60) + fmt.Sprintf("p.id from products p where p.id = %d and p.shop = 'x'", 1_000_000+n)
}

func (b *screenBench) costOfKnown() error {
	for _, requests := range []int{0, crowdRequests} {
		s, err := newStand()
		if err != nil {
			return err
		}
		ends := s.full(requests)
		texts := make([]string, 9000)
		for i := range texts {
			texts[i] = statementOf1KB(i)
		}
		s.clock.Add(int64(time.Hour))
		for _, end := range ends[:0] {
			end()
		}
		s.teach([]row{{SQL: texts[0], Inputs: []string{}}, {SQL: "select id, name from products where id = $1", Inputs: []string{}}})
		beside := fmt.Sprintf(", %d requests in flight", requests)
		b.cost("known text, short"+beside, perCall(5, 20_000, func(int) { s.judge("select id, name from products where id = $1") }), 0.3, "µs")
		b.cost("known text, 1 KB"+beside, perCall(5, 20_000, func(int) { s.judge(texts[0]) }), 0.3, "µs")
		b.cost("allocations, known text"+beside, mallocs(5000, func(int) { s.judge(texts[0]) }), 0.01, "")
		b.cost("known structure, new text of 1 KB"+beside, perCall(4, 2000, func(i int) { s.judge(texts[i+1]) }), 10, "µs")
		b.cost("allocations, known structure"+beside, mallocs(900, func(i int) { s.judge(texts[8050+i]) }), 0.5, "")
		for _, end := range ends {
			end()
		}
	}
	return nil
}

// full opens n requests of crowdValues values each, all of their own.
func (s *stand) full(n int) (ends []func()) {
	for r := range n {
		values := make([]string, crowdValues)
		for i := range values {
			values[i] = fmt.Sprintf("value %d of request %d: O'Brien", i, r)
		}
		ends = append(ends, s.request(values))
	}
	return ends
}

const newStatement = `SELECT p.id, p.name, avg(r.stars) FROM products%d p LEFT JOIN reviews r ON r.product_id = p.id WHERE p.category = 'tools'
 AND p.price BETWEEN 10 AND 20 AND (p.name ILIKE '%%hammer%%' OR p.description ILIKE '%%hammer%%') GROUP BY p.id, p.name ORDER BY avg(r.stars) DESC LIMIT 20`

func (b *screenBench) costOfNew() error {
	for _, c := range []struct {
		requests int
		limit    float64
	}{{0, 0}, {32, 120}, {256, 500}} {
		s, err := newStand()
		if err != nil {
			return err
		}
		ends := s.full(c.requests)
		step := fmt.Sprintf("new structure, %d requests of %d values in flight", c.requests, crowdValues)
		b.cost(step, perCall(4, 200, func(i int) { s.judge(fmt.Sprintf(newStatement, i)) }), c.limit, "µs")
		for _, end := range ends {
			end()
		}
	}
	return nil
}

// costOfAttacksOnUs asks what statements and requests made to hurt the search may cost.
func (b *screenBench) costOfAttacksOnUs() error {
	var cut strings.Builder
	for i := 0; cut.Len() < 60<<10; i++ {
		fmt.Fprintf(&cut, "col_%d = %d or ", i, i*7)
	}
	text := cut.String()
	pieces := make([][]string, 32)
	for i := range 8000 {
		at := i * 7 % (len(text) - 40)
		pieces[i%32] = append(pieces[i%32], text[at:at+8+i%24])
	}
	repeats := strings.Repeat("a or ", 12<<10)
	for _, c := range []struct {
		name   string
		values [][]string
		sql    string
	}{
		{"8,000 values cut out of one statement of 60 KB", pieces, "SELECT 1 FROM t WHERE " + text + "1=1 -- %d"},
		{"8,000 values cut out of one statement of 1 KB", pieces, "SELECT 1 FROM t WHERE " + text[:1000] + "x=2 -- %d"},
		{"a statement of 60 KB of repeats", [][]string{{repeats[:8000], repeats[1:4000], "or a or", "a or a"}}, "SELECT 1 FROM t WHERE " + repeats + "a -- %d"},
		{"4,096 requests of 20 values", nil, newStatement},
	} {
		s, err := newStand()
		if err != nil {
			return err
		}
		var ends []func()
		for _, v := range c.values {
			ends = append(ends, s.request(v))
		}
		if c.values == nil {
			ends = s.full(4096)
		}
		b.cost("adversarial: "+c.name, perCall(5, 1, func(i int) { s.judge(fmt.Sprintf(c.sql, i)) }), 2000, "µs")
		for _, end := range ends {
			end()
		}
	}
	return nil
}

// typicalRequest is what a browser sends to a page with a search.
func typicalRequest() *http.Request {
	return &http.Request{
		Method: http.MethodGet, Body: http.NoBody, URL: &url.URL{Path: "/api/products", RawQuery: "q=hammer+%26+nails&sort=price&page=2&brand=acme%20inc"},
		Header: http.Header{
			"Cookie": {"sid=0123456789abcdef; theme=dark"}, "User-Agent": {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"},
			"Referer": {"https://shop.example.com/products?page=1"}, "Accept-Language": {"en-GB,en;q=0.9,de;q=0.8"},
		},
	}
}

func (b *screenBench) costOfExtraction() error {
	s, err := newStand()
	if err != nil {
		return err
	}
	r := typicalRequest()
	b.cost("extraction, typical request", perCall(5, 2000, func(int) {
		s.clock.Add(int64(3 * time.Second))
		s.window.Follow(r, "1", "203.0.113.7")()
	}), 50, "µs")
	var text bytes.Buffer
	text.WriteString(`{"rows":[`)
	for text.Len() < 10<<20 {
		text.WriteString(`{"name":"O'Brien \u00e9\n","n":12345,"tags":["a b","c;d"]},`)
	}
	text.WriteString(`{}]}`)
	read := func(follow bool) float64 {
		return perCall(5, 1, func(int) {
			s.clock.Add(int64(3 * time.Second))
			r := typicalRequest()
			r.Method, r.Body, r.ContentLength = http.MethodPost, io.NopCloser(struct{ io.Reader }{bytes.NewReader(text.Bytes())}), int64(text.Len())
			r.Header.Set("Content-Type", "application/json")
			if follow {
				defer s.window.Follow(r, "1", "203.0.113.7")()
			}
			_, _ = io.CopyBuffer(struct{ io.Writer }{io.Discard}, r.Body, make([]byte, 32<<10))
		})
	}
	b.cost("extraction, JSON body of 10 MB", (read(true)-read(false))/1000, 25, "ms")
	return nil
}

// memory is what one request in flight holds.
func (b *screenBench) memory() error {
	s, err := newStand()
	if err != nil {
		return err
	}
	const requests = 4000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	ends := s.full(requests)
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.cost(fmt.Sprintf("memory of a request in flight with %d values", crowdValues), float64(after.HeapAlloc-before.HeapAlloc)/requests/1024, 10, "KB")
	for _, end := range ends {
		end()
	}
	return nil
}
