package tunnel

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// cloudflared is the job of keeping cloudflared alive, or of watching one that somebody else keeps.
type cloudflared struct {
	set   Settings
	opt   Options
	local local
	key   string // of the door; "" where there is none
	sup   *Supervisor

	mu     sync.Mutex // guards all below
	hashed fileHash   // of the executable, as it was looked at last
	right  int        // version of the rules that led to the door last
}

func (c *cloudflared) needsNetwork() bool { return true }

func (c *cloudflared) grace() time.Duration { return c.set.Run.Grace }

func (c *cloudflared) dir() string {
	if c.set.managed() {
		return c.set.State
	}
	return ""
}

// prepare checks the executable and the credentials, writes config.yml and builds the arguments.
func (c *cloudflared) prepare(n int, protocol string) (launch, *unstarted) {
	exe, path, err := c.checkedBinary()
	if err != nil {
		return launch{}, &unstarted{cause: Binary, reason: err.Error()}
	}
	id, err := c.set.Run.tunnelID()
	if err != nil {
		return launch{}, &unstarted{cause: Credentials, reason: err.Error()}
	}
	configFile := filepath.Join(c.set.State, "config.yml")
	if err := writeFile(configFile, c.configYAML(id)); err != nil {
		return launch{}, &unstarted{cause: BadConfig, reason: "write config.yml: " + err.Error()}
	}
	metrics, err := freeAddress(c.set.Metrics)
	if err != nil {
		return launch{}, &unstarted{cause: BadConfig, reason: err.Error()}
	}
	c.sup.noteBinary(path, c.lastHash())
	sp := spec{path: path, exe: exe, args: c.arguments(configFile, metrics, protocol), env: c.environment()}
	return launch{spec: sp, metrics: metrics, log: filepath.Join(c.set.State, "cloudflared.log"), logSize: 10 << 20, logKeep: 3}, nil
}

// arguments are in cloudflared's own order: the flags of `tunnel` before `run`, those of `run` after it. A misplaced flag
// prints usage and exits with 0. The token goes by file, since a command line is visible to every user of the machine.
func (c *cloudflared) arguments(configFile, metrics, protocol string) []string {
	args := []string{
		"tunnel", "--no-autoupdate", "--edge-ip-version", "4", "--output", "json", "--loglevel", "info",
		"--metrics", metrics, "--protocol", protocol, "--grace-period", c.set.Run.Grace.String(), "--config", configFile, "run",
	}
	if c.set.Run.TokenFile != "" {
		return append(args, "--token-file", c.set.Run.TokenFile)
	}
	return append(args, "--credentials-file", c.set.Run.Credentials)
}

// allowed are the variables that the child gets. Proxies are not among them: HTTP_PROXY would break the way to the door.
var allowed = []string{
	"HOME", "PATH", "USER", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"SystemRoot", "SystemDrive", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "ProgramData", "COMSPEC", "PATHEXT", "windir",
}

func (c *cloudflared) environment() []string {
	env := allowedOf(c.opt.Environ)
	if c.key != "" {
		env = append(env, "TUNNEL_TAG=door="+c.key)
	}
	return env
}

func allowedOf(environ []string) []string {
	var env []string
	for _, kv := range environ {
		if name, _, _ := strings.Cut(kv, "="); slices.Contains(allowed, name) {
			env = append(env, kv)
		}
	}
	return env
}

// freeAddress returns wanted where nobody listens there, and else another free loopback address: during a restart that
// loses nothing the old child still has the wanted one.
func freeAddress(wanted string) (string, error) {
	if wanted == "" {
		wanted = "127.0.0.1:0"
	}
	for _, addr := range []string{wanted, "127.0.0.1:0"} {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			continue
		}
		addr = l.Addr().String()
		return addr, l.Close()
	}
	return "", fmt.Errorf("no free loopback port for cloudflared's metrics")
}

// look asks the process and its metrics server.
func (c *cloudflared) look(ctx context.Context, ch *child) []evidence {
	addr := ch.metrics
	if ch.process == nil {
		addr = c.set.Metrics
	}
	is := readiness{child: ch.n}
	if ch.process != nil && frozen(ch.process.pid) {
		is.frozen = true
		return []evidence{is}
	}
	answer, err := c.local.ready(ctx, addr)
	if err != nil {
		is.fault = err.Error()
		return []evidence{is}
	}
	is.answered, is.ready = true, answer.Ready
	c.sup.noteReady(ch.n, answer)
	found := []evidence{is}
	if e, err := c.local.config(ctx, addr); err == nil && !c.awaitsRules(e, answer) {
		found = append(found, c.judge(ctx, ch.n, e))
	}
	if d, err := c.local.diagnosis(ctx, addr); err == nil {
		c.sup.noteDiagnosis(d)
	}
	if i, ok := c.imageOf(ch); ok {
		found = append(found, i)
	}
	return found
}

// judge says what the effective rules mean, and remembers the version that was right last.
func (c *cloudflared) judge(ctx context.Context, n int, e effective) rules {
	x := expectation{host: c.opt.host(), door: c.opt.Door, upstream: c.opt.Upstream}
	if c.set.Service != "" {
		x.door = strings.TrimPrefix(c.set.Service, "http://")
	}
	c.mu.Lock()
	before := c.right
	c.mu.Unlock()
	r := x.judgeRules(e, before, c.squatted(ctx, x.door))
	r.child = n
	if r.cause == "" {
		c.mu.Lock()
		c.right = e.Version
		c.mu.Unlock()
	}
	c.sup.noteRules(e, r)
	return r
}

// awaitsRules reports whether cloudflared still waits for its rules: with a token they come with the first connection, and
// until then it serves a version below zero that answers 503 to everything.
func (c *cloudflared) awaitsRules(e effective, r readyAnswer) bool {
	return e.Version < 0 && r.Ready == 0 && c.set.Run.Credentials == ""
}

// squatted reports whether something listens on [::1] at the door's port, where the door itself does not.
func (c *cloudflared) squatted(ctx context.Context, door string) bool {
	host, port, err := net.SplitHostPort(door)
	if err != nil || host == "::1" {
		return false
	}
	d := net.Dialer{Timeout: 500 * time.Millisecond}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("::1", port))
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

func (c *cloudflared) classify(raw []byte) (lineClass, string) {
	l := parseLine(raw)
	return l.class(), l.text()
}

// lookPath resolves the executable's name once more each time, as it may have been replaced.
func (c *cloudflared) lookPath() (string, error) {
	path, err := exec.LookPath(c.set.Run.Binary)
	if err != nil {
		return "", fmt.Errorf("cloudflared is not there: %w", err)
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a file that can be executed", path)
	}
	return path, nil
}
