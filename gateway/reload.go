package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/config"
	"sallyport/gateway/journal"
)

// ErrNoReload is wrapped where a gateway was started without a way to read its settings again.
var ErrNoReload = errors.New("this gateway cannot reload")

// errStopping is why a reload is refused while the gateway drains.
var errStopping = errors.New("the gateway is stopping")

// restartOnly are settings that hold from the start to the end of a process, by key or by the beginning of a key ending in a
// dot: listeners, what they were opened with, and helpers that keep state of the world outside.
var restartOnly = []string{
	"admin.listen", "database.listen", "database.upstream_file", "database.pool.mode", "database.clients.login_timeout", "database.clients.idle_in_transaction", "database.clients.drain",
	"database.tls.", "database.window.",
	"app.", "tunnel.run.", "tunnel.metrics", "tunnel.backup.", "tunnel.state", "tunnel.service", "tunnel.door_key_file",
	"alerts.queue", "history.", "log.format", "log.file", "log.rotate.",
}

// Reloaded is what a reload did.
type Reloaded struct {
	Status     string `json:"status"`
	Generation int    `json:"generation"`
	// Changes hold now; NeedRestart were read and hold after the next start only. Both are redacted.
	Changes     []config.Change `json:"changes"`
	NeedRestart []config.Change `json:"needRestart"`
}

// reloads keeps what earlier generations left running.
type reloads struct {
	one      sync.Mutex // one reload at a time
	stopping bool       // guarded by one
	good     atomic.Int64
	bad      atomic.Int64
	wg       sync.WaitGroup

	mu  sync.Mutex // guards old
	old []*generation
	// declared are settings that were read and need a restart; guarded by mu.
	declared []driftItem
}

// Reload reads the settings anew, builds and checks everything they ask for, and swaps it in at once. With an error nothing
// has changed: the generation before serves on.
func (g *Gateway) Reload() (Reloaded, error) {
	g.reloads.one.Lock()
	defer g.reloads.one.Unlock()
	done, err := g.reload()
	if err != nil {
		g.reloads.bad.Add(1)
		g.journal.Add(journal.Event{
			Door: "process", Kind: "settings-refused", Severity: journal.Warning, Detail: map[string]string{"generation": strconv.Itoa(g.current.Load().number)},
			Summary: "New settings were refused, the old ones serve on: " + clip(strings.ReplaceAll(err.Error(), "\n", "; "), 500),
		})
		return done, err
	}
	g.reloads.good.Add(1)
	g.journal.Add(journal.Event{Door: "process", Kind: "settings-reloaded", Summary: done.summary(), Detail: changesDetail(done)})
	return done, nil
}

func (g *Gateway) reload() (Reloaded, error) {
	now := g.current.Load()
	if g.reloads.stopping {
		return Reloaded{Generation: now.number}, errStopping
	}
	if g.parts.Reload == nil {
		return Reloaded{Generation: now.number}, ErrNoReload
	}
	cfg, err := g.parts.Reload()
	if err != nil {
		return Reloaded{Generation: now.number}, err
	}
	next, err := g.generate(cfg, now)
	if err != nil {
		return Reloaded{Generation: now.number}, err
	}
	token, err := cfg.Secret(cfg.Admin.TokenFile)
	if err != nil {
		return Reloaded{Generation: now.number}, fmt.Errorf("admin: %w", err)
	}
	done := Reloaded{Status: "ok", Generation: next.number, Changes: []config.Change{}, NeedRestart: []config.Change{}}
	for _, c := range now.cfg.Diff(cfg) {
		if needsRestart(c.Key) || g.tunnel != nil && ofTunnel(c.Key) {
			done.NeedRestart = append(done.NeedRestart, c)
		} else {
			done.Changes = append(done.Changes, c)
		}
	}
	moved, err := g.openMoved(now.cfg.HTTP.Listen, cfg.HTTP.Listen)
	if err != nil {
		return Reloaded{Generation: now.number}, err
	}
	if g.database != nil {
		if err := g.database.apply(cfg.Database); err != nil {
			return Reloaded{Generation: now.number}, errors.Join(err, moved.close())
		}
	}
	next.start()
	g.install(next, newBearer(token))
	g.door.move(moved)
	g.desk.Apply(cfg.Alerts)
	if g.tunnel != nil {
		g.tunnel.Watch(cfg.Tunnel.Watch)
	}
	if g.parts.OnReload != nil {
		g.parts.OnReload(cfg)
	}
	g.reloads.declare(done.NeedRestart, g.clock())
	g.retire(now)
	return done, nil
}

// summary is one sentence; what waits for a restart is named.
func (r Reloaded) summary() string {
	s := fmt.Sprintf("Settings generation %d serves: %d changes.", r.Generation, len(r.Changes))
	if len(r.NeedRestart) == 0 {
		return s
	}
	var keys []string
	for _, c := range r.NeedRestart {
		keys = append(keys, c.Key)
	}
	return s + " These hold after the next start only: " + clip(strings.Join(keys, ", "), 300) + "."
}

func needsRestart(key string) bool {
	return slices.ContainsFunc(restartOnly, func(k string) bool {
		return key == k || strings.HasPrefix(key, k+"[") || (strings.HasSuffix(k, ".") && strings.HasPrefix(key, k))
	})
}

// ofTunnel reports settings that a tunnel's rules and probes were made of at the start.
func ofTunnel(key string) bool { return key == "public_url" || key == "http.listen" }

// changesDetail names what changed, redacted, at most 30 settings.
func changesDetail(r Reloaded) map[string]string {
	d := map[string]string{"generation": strconv.Itoa(r.Generation)}
	for i, c := range r.Changes {
		if i == 30 {
			break
		}
		d[c.Key] = c.Old + " → " + c.New
	}
	for i, c := range r.NeedRestart {
		if i == 10 {
			break
		}
		d[c.Key] = c.Old + " → " + c.New + " (after a restart)"
	}
	return d
}

// retire lets requests inside before end and then stops what only it used.
func (g *Gateway) retire(before *generation) {
	r := &g.reloads
	r.mu.Lock()
	r.old = append(r.old, before)
	r.mu.Unlock()
	r.wg.Go(func() {
		for before.running.Load() > 0 && g.serving.Load() {
			time.Sleep(50 * time.Millisecond)
		}
		// after that the drain of the HTTP door bounds the wait
		for before.running.Load() > 0 {
			time.Sleep(10 * time.Millisecond)
		}
		r.mu.Lock()
		r.old = slices.DeleteFunc(r.old, func(n *generation) bool { return n == before })
		left := append(slices.Clone(r.old), g.current.Load())
		r.mu.Unlock()
		g.discard(before, left)
	})
}

// discard stops what n has and none of those that are left has too.
func (g *Gateway) discard(n *generation, left []*generation) {
	if !slices.ContainsFunc(left, func(other *generation) bool { return other.app == n.app }) {
		n.stop()
	}
	if !slices.ContainsFunc(left, func(other *generation) bool { return other.store == n.store }) {
		g.closeStore(n.store)
	}
}

// declare remembers settings that were read and need a restart to hold.
func (r *reloads) declare(changes []config.Change, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range changes {
		r.declared = slices.DeleteFunc(r.declared, func(d driftItem) bool { return d.Fact == c.Key })
		r.declared = append(r.declared, driftItem{Fact: c.Key, Declared: c.New, Observed: c.Old, Source: "settings file; holds after a restart", Since: now.UTC()})
	}
}

// drifted returns the settings that need a restart.
func (r *reloads) drifted() []driftItem {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.declared)
}

// drainSockets tells the WebSockets of earlier generations that the server goes away.
func (r *reloads) drainSockets(ctx context.Context) error {
	r.mu.Lock()
	old := slices.Clone(r.old)
	r.mu.Unlock()
	for _, n := range old {
		if err := n.app.Drain(ctx); err != nil {
			return fmt.Errorf("websockets of generation %d: %w", n.number, err)
		}
	}
	return nil
}

// endStreams cuts the event streams of earlier generations.
func (r *reloads) endStreams() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.old {
		n.app.EndStreams()
	}
}

// wait forbids further reloads and waits until no earlier generation is left.
func (r *reloads) wait() {
	r.one.Lock()
	r.stopping = true
	r.one.Unlock()
	r.wg.Wait()
}

// reloadNow answers POST /-/reload.
func (g *Gateway) reloadNow(c *gin.Context) {
	done, err := g.Reload()
	if err != nil {
		refuse(c, http.StatusUnprocessableEntity, "Generation "+strconv.Itoa(done.Generation)+" serves on: "+err.Error())
		return
	}
	c.JSON(http.StatusOK, done)
}
