package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// httpKind is a program that can stand in front of an app. In its settings APP is the app's address.
type httpKind struct {
	program
	// tool is its binary in PATH, "" for ours.
	tool string
}

// httpKinds are all that are compared, nginx first: a rate limit per client, the header set, a size cap, keep-alive to
// both sides, no access log.
var httpKinds = []httpKind{
	{tool: "nginx", program: program{name: "nginx", version: "-v", arguments: []string{"-p", "DIR", "-c", "FILE"}, settings: nginxSettings}},
	{program: program{name: "sallyport", version: "version", arguments: []string{"run", "--config", "FILE"}, settings: ourSettings}},
	{tool: "haproxy", program: program{name: "haproxy", version: "-v", arguments: []string{"-db", "-f", "FILE"}, settings: haproxySettings}},
	{tool: "caddy", program: program{name: "caddy", version: "version", arguments: []string{"run", "--adapter", "caddyfile", "--config", "FILE"}, settings: caddySettings}},
}

// httpDoor is a running one.
type httpDoor struct{ *process }

// start runs the program in dir, in front of app.
func (k httpKind) start(ctx context.Context, binary, dir, app string) (*httpDoor, error) {
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	k.fill = []string{"APP", app, "USER", user}
	p, err := k.program.start(ctx, binary, dir)
	if err != nil {
		return nil, err
	}
	return &httpDoor{p}, nil
}

// visit is one request as cloudflared brings it, and as wrk sends it: a Caddy whose site was the door's address answered
// wrk's host with nothing, and looked three times faster.
func (d *httpDoor) visit(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+d.addr+path, body)
	if err != nil {
		return nil, err
	}
	r.Host = host
	for _, line := range cloudflaredFields {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	return r, nil
}

// verify makes sure that what is measured is the same everywhere: status, body, headers and the size cap.
func (d *httpDoor) verify(ctx context.Context, size int) error {
	r, err := d.visit(ctx, http.MethodGet, "/", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || len(body) != size || strings.Trim(string(body), "x") != "" {
		return fmt.Errorf("answers %d with %d bytes, want 200 with the app's %d", res.StatusCode, len(body), size)
	}
	for _, name := range []string{"Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Permissions-Policy"} {
		if n := len(res.Header[name]); n != 1 {
			return fmt.Errorf("answers with %d %s, want 1", n, name)
		}
	}
	return d.verifyCap(ctx)
}

// verifyCap wants 413 for 11 MB.
func (d *httpDoor) verifyCap(ctx context.Context) error {
	const size = 11 << 20
	r, err := d.visit(ctx, http.MethodPost, "/", io.LimitReader(zeros{}, size))
	if err != nil {
		return err
	}
	r.ContentLength = size
	r.Header.Set("Expect", "100-continue")
	res, err := (&http.Transport{ExpectContinueTimeout: 2 * time.Second, DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return fmt.Errorf("11 MB: %w", err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusRequestEntityTooLarge {
		return fmt.Errorf("answers %d to 11 MB, want 413", res.StatusCode)
	}
	return nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
