//go:build prove

package gateway

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/config"
	"sallyport/dbguard"
)

// tampers are the disguises of sqlmap's payloads; "plain" is none.
var tampers = []string{"plain", "space2comment", "randomcase", "between", "charencode"}

// sqlmapTime bounds one run of sqlmap; what was not found by then counts as not found.
const sqlmapTime = 4 * time.Minute

// found are sqlmap's words for a hole that it can use.
var found = regexp.MustCompile(`sqlmap identified the following injection point|is vulnerable\.|sqlmap resumed the following injection point`)

// crowd stands between sqlmap and the HTTP door: it gives each request an address of its own, so that no refusal is owed to a client
// being held, and looks for the secret in each answer.
type crowd struct {
	*httptest.Server
	requests, held, leaks atomic.Int64
	single                atomic.Bool // all requests are one client's
}

func (g *ground) crowd(t *testing.T) *crowd {
	c := &crowd{}
	door := &url.URL{Scheme: "http", Host: g.at.HTTP}
	transport := &http.Transport{MaxIdleConnsPerHost: 8}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		n := c.requests.Add(1)
		if c.single.Load() {
			n = 1
		}
		r.SetURL(door)
		r.Out.Header.Set("CF-Connecting-IP", fmt.Sprintf(attackers+"%d.%d", n/250%250, n%250+1))
	}, ModifyResponse: func(a *http.Response) error {
		if a.StatusCode == http.StatusForbidden {
			c.held.Add(1)
		}
		var body bytes.Buffer
		_, err := body.ReadFrom(a.Body)
		_ = a.Body.Close()
		if bytes.Contains(body.Bytes(), []byte(theSecret)) {
			c.leaks.Add(1)
		}
		a.Body = readCloser{&body}
		return err
	}}
	c.Server = httptest.NewServer(proxy)
	t.Cleanup(c.Close)
	return c
}

type readCloser struct{ *bytes.Buffer }

func (readCloser) Close() error { return nil }

// sqlmap attacks o through c and returns what it printed.
func (c *crowd) sqlmap(t *testing.T, o hole, tamper, technique string) string {
	t.Helper()
	args := []string{
		"--batch", "--disable-coloring", "--level", "3", "--risk", "2", "--threads", "4", "--time-sec", "1", "--technique", technique, "--dbms", "postgresql",
		"--flush-session", "--output-dir", t.TempDir(), "--timeout", "20", "--retries", "1", "--ignore-code", "403", "-p", o.param, "--sql-query", "select secret from account",
	}
	if tamper != "plain" {
		args = append(args, "--tamper", tamper)
	}
	method, path, body := o.target(o.honest(1))
	args = append(args, "-u", c.URL+path)
	if method == http.MethodPost {
		args = append(args, "--data", body, "--headers", "Content-Type: application/json")
	}
	ctx, cancel := context.WithTimeout(t.Context(), sqlmapTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sqlmap", args...)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil && ctx.Err() == nil {
		t.Fatalf("sqlmap: %v\n%s", err, out)
	}
	return string(out)
}

// TestProveSqlmap attacks the six routes with Debian's sqlmap through both doors while honest visitors are served: -run picks modes, routes
// and tampers, such as TestProveSqlmap/enforce/like/randomcase.
func TestProveSqlmap(t *testing.T) {
	for _, mode := range []dbguard.Mode{dbguard.Observe, dbguard.Enforce} {
		t.Run(string(mode), func(t *testing.T) {
			for _, o := range holes() {
				if o.secondOrder {
					continue
				}
				t.Run(o.name, func(t *testing.T) {
					for _, tamper := range tampers {
						t.Run(tamper, func(t *testing.T) { proveSqlmap(t, mode, o, tamper) })
					}
				})
			}
		})
	}
}

func proveSqlmap(t *testing.T, mode dbguard.Mode, o hole, tamper string) {
	g := openGround(t, func(c *config.Config) { c.Database.Guard.Screen, c.Database.Guard.CrossDoor = mode, mode })
	g.warm(t)
	c := g.crowd(t)
	stop := g.neighbours(t)
	began := time.Now()
	out := c.sqlmap(t, o, tamper, "BEUSTQ")
	stop()
	exploited := strings.Contains(out, theSecret)
	a := g.attribution()
	t.Logf("%s %s %s: exploited %t, injectable %t, answers with the secret %d; %d attacking requests in %s; %d statements refused, put down to the attacker %d, to nobody %d, to somebody else %d; honest statements %d, refused %d",
		mode, o.name, tamper, exploited, found.MatchString(out), c.leaks.Load(), c.requests.Load(), time.Since(began).Round(time.Second), a.refused, a.right, a.unnamed, a.wrong, g.honest.Load(), g.refusedHonest.Load())
	if n := g.refusedHonest.Load(); n != 0 {
		t.Errorf("honest requests refused: got %d, want 0; the first: %s", n, *g.firstRefused.Load())
	}
	if mode == dbguard.Observe {
		if tamper == "plain" && !exploited {
			t.Errorf("not exploited, want the hole to be real\n%s", tail(out))
		}
		return
	}
	if exploited || c.leaks.Load() > 0 || found.MatchString(out) {
		t.Errorf("exploited %t, answers with the secret %d, called injectable %t; want none\n%s", exploited, c.leaks.Load(), found.MatchString(out), tail(out))
	}
	if a.wrong != 0 || a.right*100 < a.refused*99 {
		t.Errorf("attribution: got %d right, %d unnamed, %d wrong, want none wrong and 99 %% right\n%s", a.right, a.unnamed, a.wrong, strings.Join(a.why, "\n"))
	}
}

// tail is the end of sqlmap's words.
func tail(out string) string { return out[max(0, len(out)-4000):] }

// TestProveSqlmapIsHeldOff lets sqlmap come from one address: after its second confirmed injection it is answered 403.
func TestProveSqlmapIsHeldOff(t *testing.T) {
	g := openGround(t)
	g.warm(t)
	c := g.crowd(t)
	c.single.Store(true)
	stop := g.neighbours(t)
	out := c.sqlmap(t, holes()[0], "plain", "BEUSTQ")
	stop()
	holds := g.visitors.Holds.List()
	t.Logf("%d requests, %d answered 403; held: %+v; honest statements %d, refused %d", c.requests.Load(), c.held.Load(), holds, g.honest.Load(), g.refusedHonest.Load())
	if strings.Contains(out, theSecret) || c.leaks.Load() > 0 || len(holds) != 1 || !strings.HasPrefix(holds[0].Client, attackers) || c.held.Load() == 0 || g.refusedHonest.Load() != 0 {
		t.Errorf("got holds %+v, %d answers of 403, %d honest requests refused; want the attacker alone held\n%s", holds, c.held.Load(), g.refusedHonest.Load(), tail(out))
	}
}
