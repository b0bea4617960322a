package dashboard

import (
	"context"
	"math"
	"time"
)

// sampleSource is a gateway that works, or one whose app's port is split, as the tests show them.
func sampleSource(broken bool) Source {
	return Source{
		View: func(page string) (View, bool) {
			switch page {
			case "overview":
				return sampleOverview(broken), true
			case "attacks":
				return sampleAttacks(), true
			case "traffic", "database", "tunnel", "alerts", "checks":
				return View{Page: page, At: time.Now(), Verdict: Verdict{OK, "Nothing to see", "This page is empty."}, Panels: []Panel{{Kind: "table", ID: "t", Title: "Routes", Empty: "No requests yet."}}}, true
			}
			return View{}, false
		},
		Series: func(_ context.Context, span time.Duration) (Series, error) { return sampleSeries(span), nil },
	}
}

func sampleSeries(span time.Duration) Series {
	const n = 240
	s := Series{Span: "1h"}
	var req, sql, bad []*float64
	for i := range n {
		x := float64(i) / n * 12
		jitter := math.Mod(math.Sin(float64(i)*12.9898)*43758.5453, 1) // looks like traffic, and is the same each time
		a, b := 35+9*math.Sin(x)+3*jitter, 95+22*math.Sin(x+0.3)+7*jitter
		s.Times = append(s.Times, time.Now().Add(-span+span*time.Duration(i)/n).Unix())
		req, sql = append(req, &a), append(sql, &b)
		var c *float64
		if i > 150 && i < 162 {
			v := 30 - math.Abs(float64(i-156))*5
			c = &v
		}
		bad = append(bad, c)
	}
	s.Lines = []LineData{{"requests/s", "blue", req, false}, {"queries/s", "purple", sql, false}, {"refused", "red", bad, true}}
	return s
}

func sampleOverview(broken bool) View {
	series := sampleSeries(time.Hour)
	v := View{
		Page: "overview", At: time.Now(), Site: "shop.example.com",
		Verdict: Verdict{OK, "Everything works, end to end", "A signed probe went out to shop.example.com and came back through both doors 11 s ago in 184 ms. Nothing has drifted from sallyport.yaml."},
		Footer:  []string{"sallyport 1.0.0 · abc1234", "config generation 7, loaded 09:12 from /etc/sallyport/sallyport.yaml", "history 30 days, 27 MB", "no data leaves this machine"},
	}
	link := func(a, b string) *Link { return &Link{OK, a, b} }
	nodes := []Node{
		{Icon: "visitors", Name: "Visitors", State: OK, Says: "38 req/s", Where: "312 clients/h", Door: false, Link: link("61 ms", "TLS 1.3"), Source: "/api/hardening/metrics"},
		{Icon: "cloud", Name: "Cloudflare", State: OK, Says: "FRA · AMS", Where: "cert 61 days", Door: false, Link: link("12 ms", "QUIC, IPv4"), Source: "/api/hardening/metrics"},
		{Icon: "tunnel", Name: "cloudflared", State: OK, Says: "4 of 4 edges", Where: "pid 4312", Door: false, Link: link("0.3 ms", "loopback"), Source: "/api/hardening/metrics"},
		{Icon: "door", Name: "HTTP door", State: OK, Says: "12 guards on", Where: "127.0.0.1:8080", Door: true, Link: link("21 ms", "IPv4, pinned"), Source: "/api/hardening/metrics"},
		{Icon: "app", Name: "App", State: OK, Says: "node, 2 h up", Where: "127.0.0.1:3000", Door: false, Link: link("0.2 ms", "pg wire"), Source: "/api/hardening/metrics"},
		{Icon: "door", Name: "Database door", State: OK, Says: "enforcing", Where: "127.0.0.1:6432", Door: true, Link: link("1.4 ms", "TLS verified"), Source: "/api/hardening/metrics"},
		{Icon: "database", Name: "PostgreSQL", State: OK, Says: "15.8 · 3 of 10", Where: "10.0.0.5:5432", Door: false, Link: nil, Source: "/api/hardening/metrics"},
	}
	var line []float64
	for i := range 40 {
		line = append(line, 20+3*math.Sin(float64(i)/5)+2*math.Mod(math.Sin(float64(i)*12.9898)*43758.5453, 1))
	}
	var beats []Beat
	for i := range 60 {
		b := Beat{OK, "184 ms"}
		if i == 22 {
			b = Beat{Bad, "no answer"}
		}
		beats = append(beats, b)
	}
	doors := []Door{
		{Name: "HTTP door", State: OK, Badge: "open", Big: "38.2", Unit: "req/s", Line: line, Tone: "blue", Facts: []Fact{{"p95", "142 ms", ""}, {"5xx", "0.00%", ""}, {"Limited", "214", ""}, {"Too large", "3", ""}}},
		{Name: "Database door", State: OK, Badge: "enforcing", Big: "99.98%", Unit: "of 318,204 queries", Line: line, Tone: "purple", Facts: []Fact{{"Mean", "4.1 ms", ""}, {"Slow", "2", Warn}, {"Blocked", "17", Bad}, {"Breaker", "closed", ""}}},
		{Name: "Tunnel", State: OK, Badge: "up 6 d 4 h", Big: "184 ms", Unit: "public round trip, last 60 probes", Beats: beats, Facts: []Fact{{"Edges", "4 of 4", ""}, {"Restarts", "1 of 5/h", ""}, {"Family", "IPv4", ""}, {"Binary", "verified", ""}}},
	}
	v.Actions = []Action{{Label: "Run smoke test", Busy: "Running…", Path: "/api/hardening/checks/smoke", Strong: true}}
	var fix []Panel
	if broken {
		v.Verdict = Verdict{Bad, "Visitors see an old build", "The public URL answers 200, but not from the app you deployed. Local tests pass because they use the other address family."}
		nodes[4].State, nodes[3].Link = Bad, &Link{Bad, "wrong process", "IPv4 → pid 5148"}
		doors[0].State, doors[0].Badge = Bad, "wrong upstream"
		fix = []Panel{{Kind: "fix", ID: "fix", Fix: &Fix{Bad, "Port 3000 is split between two processes", "Traffic from the tunnel goes to a process that started 3 days ago.",
			[]Fact{{"127.0.0.1:3000", "pid 5148 node server.js started Fri 11:02 build 41 ← the tunnel's traffic goes here", ""}, {"[::1]:3000", "pid 5149 node server.js started 14:51 build 42", ""}}, "End the stale process and start the new build on 127.0.0.1:", []string{"kill 5148", "HOST=127.0.0.1 PORT=3000 node server.js"}}}}
	}
	v.Panels = append([]Panel{{Kind: "path", ID: "path", Nodes: nodes}}, fix...)
	v.Panels = append(v.Panels,
		Panel{Kind: "doors", ID: "doors", Doors: doors},
		Panel{Kind: "chart", ID: "chart", Title: "Requests and the SQL they cause", Width: "wide", Source: "/api/hardening/history?range=1h", Note: "JSON", Chart: &series, Trends: []Trend{
			{Name: "requests", Text: "8 % above the same hour of 7 days"}, {Name: "refusals", Text: "4 times the same hour of 7 days", State: Warn},
		}},
		Panel{Kind: "stopped", ID: "stopped", Title: "What was stopped", Note: "17 in 24 h · 0 reached data", Width: "half", Source: "/api/hardening/security", Stopped: []Stopped{
			{time.Now(), Bad, "Injection through ?q= stopped", "203.0.113.7 · GET /api/products · request 7f3a91c2", []Piece{{"SELECT * FROM products WHERE name LIKE '%", false}, {"x' OR '1'='1", true}, {"%'", false}}, "Input crossed the literal it belonged to. Client held for 15 min after 3 tries."},
			{time.Now(), Warn, "Burst of 412 requests limited", "203.0.113.7 · 100 per 15 min", nil, ""},
			{time.Now(), Warn, "Query refused: complexity 1,840 of 1,000", "signed-in user · GET /api/reports/<img src=x onerror=1>", nil, ""},
		}},
		Panel{Kind: "queries", ID: "queries", Title: "Heaviest queries, last hour", Note: "by total time · literals removed", Width: "wide", Queries: []Query{
			{"SELECT p.*, avg(r.stars) FROM products p JOIN reviews r ON r.product_id = p.id WHERE p.category = $1 GROUP BY p.id", "GET /api/products", "21,904", "6.2 ms", "18 ms", false, 0.41},
			{"SELECT date_trunc($1, created_at), sum(total) FROM orders WHERE created_at > $2 GROUP BY 1", "GET /api/reports", "38", "1.31 s", "5.4 s", true, 0.15},
			{"INSERT INTO events (user_id, kind, payload) VALUES ($1, $2, $3)", "POST /api/events", "40,118", "0.9 ms", "2.0 ms", false, 0.11},
		}},
		Panel{Kind: "checks", ID: "ready", Title: "Ready to show?", Note: "smoke run 14:55 · 12 of 13 passed", Width: "half", Checks: []Check{
			{OK, "Public URL answers with this build", "sallyport run 9c41 · build 42", "184 ms"}, {OK, "App listens on one address family, one process", "", "IPv4"}, {OK, "An injection probe is refused, a plain request is not", "", "2 of 2"}, {OK, "cloudflared forwards to the HTTP door, nowhere else", "", "rule 1"}, {Warn, "Certificate ends in 61 days, credentials never backed up", "sallyport tunnel backup --to /mnt/safe", "fix"},
		}},
	)
	return v
}

func sampleAttacks() View {
	v := View{Page: "attacks", At: time.Now(), Site: "shop.example.com", Verdict: Verdict{Warn, "One client is held off", "203.0.113.7 tried twice."}}
	v.Panels = []Panel{{Kind: "lanes", ID: "lanes", Title: "Clients, last 24 hours", Lanes: []Lane{
		{"203.0.113.7", "3 injections, 214 limited", []LaneMark{{0.2, Bad, "injection"}, {0.9, Warn, "limited"}}, &Action{Label: "Release", Path: "/api/hardening/holds/release", Body: map[string]string{"client": "203.0.113.7"}}},
	}}, {Kind: "facts", ID: "f", Title: "Held", Facts: []Fact{{"clients", "1", Warn}}}}
	return v
}
