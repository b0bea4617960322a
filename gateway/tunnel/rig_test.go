//go:build linux

package tunnel

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const testTunnel = "11111111-2222-4333-8444-555555555555"

// rig is a supervised stand-in with a door and an edge in front of it.
type rig struct {
	t      *testing.T
	dir    string
	set    Settings
	opt    Options
	sup    *Supervisor
	pace   pace
	door   *httptest.Server
	edge   *httptest.Server
	online atomic.Bool
	// fault, where not nil, answers instead of the edge.
	fault atomic.Pointer[http.HandlerFunc]
	stop  context.CancelFunc
	ended chan error

	mu   sync.Mutex // guards told
	told []Incident
}

// newRig prepares everything and starts nothing.
func newRig(t *testing.T) *rig {
	r := &rig{t: t, dir: t.TempDir(), ended: make(chan error, 1), pace: quick()}
	r.online.Store(true)
	writeToken(t, filepath.Join(r.dir, "token"), testTunnel)
	nonces := &Nonces{}
	mux := http.NewServeMux()
	mux.HandleFunc(ProbePath, nonces.Answer)
	r.door = httptest.NewServer(mux)
	r.edge = httptest.NewServer(http.HandlerFunc(r.serveEdge))
	t.Cleanup(r.door.Close)
	t.Cleanup(r.edge.Close)
	r.set = Defaults()
	r.set.Run.Binary, r.set.Run.TokenFile, r.set.State, r.set.Run.Grace = os.Args[0], filepath.Join(r.dir, "token"), filepath.Join(r.dir, "state"), 2*time.Second
	r.opt = Options{
		PublicURL: r.edge.URL, Door: r.doorAddr(), Nonces: nonces, OnIncident: r.hear, Lookup: r.lookup,
		Environ: append(os.Environ(), "HTTP_PROXY=http://127.0.0.1:1", "TUNNEL_TOKEN=stray"),
	}
	r.script(script{Ready: 4})
	return r
}

func (r *rig) doorAddr() string { return r.door.Listener.Addr().String() }

func (r *rig) lookup(context.Context, string) ([]string, error) {
	if !r.online.Load() {
		return nil, &net.DNSError{Err: "no such host", Name: edgeHost, IsNotFound: true}
	}
	return []string{"198.41.192.1"}, nil
}

// serveEdge is Cloudflare: it adds its headers and the connector's tags and hands the request to the door.
func (r *rig) serveEdge(w http.ResponseWriter, req *http.Request) {
	if f := r.fault.Load(); f != nil {
		(*f)(w, req)
		return
	}
	out := req.Clone(req.Context())
	starts := r.starts()
	newest := starts[len(starts)-1]
	out.Header.Set("Cf-Ray", "8c0ffee0-AMS")
	out.Header.Add("Cf-Warp-Tag-Id", newest["connector"])
	if door, ok := strings.CutPrefix(newest["tag"], "door="); ok {
		out.Header.Add("Cf-Warp-Tag-Door", door)
	}
	r.door.Config.Handler.ServeHTTP(w, out)
}

func answerWith(status int, body string) *http.HandlerFunc {
	f := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "cloudflare")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	})
	return &f
}

func (r *rig) hear(i Incident) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, i)
}

// incidents are those told so far, as "+CRASH" and "-CRASH".
func (r *rig) incidents() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var got []string
	for _, i := range r.told {
		got = append(got, map[bool]string{true: "+", false: "-"}[i.Open]+string(i.Cause))
	}
	return got
}

func (r *rig) toldOf(c Cause) Incident {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, i := range r.told {
		if i.Cause == c {
			return i
		}
	}
	r.t.Fatalf("%s was never told", c)
	return Incident{}
}

// script tells the stand-in what to do; without a config it serves the right rules.
func (r *rig) script(s script) {
	if s.Config == nil {
		s.Config = rulesJSON(7, "http://"+r.doorAddr())
	}
	text, err := json.Marshal(s)
	if err == nil {
		err = writeFile(filepath.Join(r.dir, "script.json"), text)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func rulesJSON(version int, service string) json.RawMessage {
	return json.RawMessage(fmt.Sprintf(`{"version":%d,"config":{"ingress":[{"hostname":"","path":"","service":%q}]}}`, version, service))
}

// starts are what the stand-ins noted of themselves, oldest first.
func (r *rig) starts() []map[string]string {
	f, err := os.Open(filepath.Join(r.dir, "starts.json"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		r.t.Error(err)
		return nil
	}
	defer f.Close()
	var all []map[string]string
	for d := json.NewDecoder(f); ; {
		var one map[string]string
		if d.Decode(&one) != nil {
			return all
		}
		all = append(all, one)
	}
}

func (r *rig) run() *rig {
	r.t.Helper()
	sup, err := New(r.set, r.opt)
	if err != nil {
		r.t.Fatal(err)
	}
	sup.pace = r.pace
	r.sup = sup
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	go func() { r.ended <- sup.Run(ctx) }()
	r.t.Cleanup(r.halt)
	return r
}

// halt stops the supervisor and waits for it; it may be called again.
func (r *rig) halt() {
	if r.stop == nil {
		return
	}
	r.stop()
	r.stop = nil
	select {
	case err := <-r.ended:
		if err != nil {
			r.t.Errorf("Run returned %v, want nil", err)
		}
	case <-time.After(20 * time.Second):
		r.t.Error("Run has not returned 20 s after its context ended")
	}
}

func (r *rig) state() Snapshot { return r.sup.Snapshot() }

// upWith waits until the tunnel is up and has been probed.
func (r *rig) up() Snapshot {
	r.t.Helper()
	eventually(r.t, 20*time.Second, "the tunnel is up and was reached", func() bool {
		s := r.state()
		return s.State == Up && s.Probe.Class == ProbeReached && s.PID > 0
	}, r.describe)
	return r.state()
}

func (r *rig) await(what string, cond func(Snapshot) bool) Snapshot {
	r.t.Helper()
	eventually(r.t, 20*time.Second, what, func() bool { return cond(r.state()) }, r.describe)
	return r.state()
}

func (r *rig) awaitTold(want ...string) {
	r.t.Helper()
	eventually(r.t, 20*time.Second, fmt.Sprintf("told %q", want), func() bool { return slices.Equal(r.incidents(), want) }, r.describe)
}

func (r *rig) describe() string {
	return fmt.Sprintf("snapshot %+v\ntold %q\nstarts %v\nhistory %v", r.state(), r.incidents(), r.starts(), r.sup.History())
}

// ticks waits until the supervisor has looked at the process n more times.
func (r *rig) ticks(n int) {
	r.t.Helper()
	for range n {
		before := r.state().Probe.Last
		r.await("another probe", func(s Snapshot) bool { return s.Probe.Last.After(before) })
	}
}

func eventually(t *testing.T, limit time.Duration, what string, cond func() bool, describe func() string) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s\n%s", limit, what, describe())
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func writeToken(t *testing.T, name, id string) {
	t.Helper()
	token := base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf(`{"a":"account","t":%q,"s":"c2VjcmV0"}`, id)))
	if err := os.WriteFile(name, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// gone reports whether no process has number pid.
func gone(pid int) bool {
	_, err := procStat(pid)
	return err != nil
}
