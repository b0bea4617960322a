package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// httpKind is a program that can stand in front of an app.
type httpKind struct {
	name string
	// tool is its binary in PATH, "" for ours.
	tool string
	// settings are its settings file, with ADMIN, LISTEN, APP, USER and DIR to be filled in; arguments start it with FILE.
	settings, version string
	arguments         []string
}

// httpKinds are all that are compared, nginx first: a rate limit per client, the header set, a size cap, keep-alive to
// both sides, no access log.
var httpKinds = []httpKind{
	{name: "nginx", tool: "nginx", version: "-v", arguments: []string{"-p", "DIR", "-c", "FILE"}, settings: nginxSettings},
	{name: "sallyport", version: "version", arguments: []string{"run", "--config", "FILE"}, settings: ourSettings},
	{name: "haproxy", tool: "haproxy", version: "-v", arguments: []string{"-db", "-f", "FILE"}, settings: haproxySettings},
	{name: "caddy", tool: "caddy", version: "version", arguments: []string{"run", "--adapter", "caddyfile", "--config", "FILE"}, settings: caddySettings},
}

// httpDoor is a running one.
type httpDoor struct {
	name, version, addr string
	cmd                 *exec.Cmd
	ended               chan error
}

// start runs the program in dir, in front of app.
func (k httpKind) start(ctx context.Context, binary, dir, app string) (*httpDoor, error) {
	listen, err := freeAddr()
	if err != nil {
		return nil, err
	}
	admin, err := freeAddr()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	fill := strings.NewReplacer("LISTEN", listen, "ADMIN", admin, "APP", app, "DIR", dir, "USER", user)
	file := dir + "/settings.yaml"
	if err := os.WriteFile(file, []byte(fill.Replace(k.settings)), 0o644); err != nil {
		return nil, err
	}
	var args []string
	for _, a := range k.arguments {
		args = append(args, strings.NewReplacer("FILE", file, "DIR", dir).Replace(a))
	}
	version, err := exec.CommandContext(ctx, binary, k.version).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("version: %w", err)
	}
	said, err := os.Create(dir + "/output")
	if err != nil {
		return nil, err
	}
	defer said.Close()
	d := &httpDoor{name: k.name, version: strings.TrimSpace(strings.SplitN(string(version), "\n", 2)[0]), addr: listen, ended: make(chan error, 1)}
	d.cmd = exec.CommandContext(ctx, binary, args...)
	d.cmd.Stdout, d.cmd.Stderr, d.cmd.Dir = said, said, dir
	if err := d.cmd.Start(); err != nil {
		return nil, err
	}
	go func() { d.ended <- d.cmd.Wait() }()
	if err := d.ready(); err != nil {
		d.stop()
		text, _ := os.ReadFile(dir + "/output")
		return nil, fmt.Errorf("%w: %.2000s", err, text)
	}
	return d, nil
}

func (d *httpDoor) ready() error {
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		select {
		case err := <-d.ended:
			d.ended <- err
			return fmt.Errorf("it ended: %w", err)
		default:
		}
		if c, err := net.Dial("tcp4", d.addr); err == nil {
			return c.Close()
		}
	}
	return errors.New("it does not listen after 15s")
}

// stop ends the program and waits for it.
func (d *httpDoor) stop() {
	_ = d.cmd.Process.Signal(os.Interrupt) // it may have ended
	select {
	case err := <-d.ended:
		d.ended <- err
	case <-time.After(5 * time.Second):
		_ = d.cmd.Process.Kill()
		<-d.ended
	}
}

// visit is one request as cloudflared brings it.
func (d *httpDoor) visit(ctx context.Context, method, path string, body io.Reader) (*http.Request, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+d.addr+path, body)
	if err != nil {
		return nil, err
	}
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

func freeAddr() (string, error) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}
