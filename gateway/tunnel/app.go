package tunnel

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// AppSettings are those of the app behind the doors, where the gateway is to keep it alive.
type AppSettings struct {
	Run        []string      `yaml:"run" doc:"Command that starts the app, word by word; empty means that somebody else starts it."`
	Dir        string        `yaml:"dir" doc:"Folder the app is started in; empty means the gateway's own."`
	Env        []string      `yaml:"env" secret:"true" doc:"Further variables as NAME=value, never shown; the app also gets the gateway's environment without its secrets."`
	Grace      time.Duration `yaml:"grace" doc:"How long a stopping app may finish its requests."`
	Start      time.Duration `yaml:"start" doc:"How long the app may take until it accepts connections."`
	Check      time.Duration `yaml:"check" doc:"Interval of the checks whether it accepts connections."`
	PerHour    int           `yaml:"restarts_per_hour" doc:"Restarts allowed in any hour before the app is held."`
	State      string        `yaml:"state" doc:"Folder for the restart budget, the recorded process and the app's log."`
	LogSize    int64         `yaml:"log_size" unit:"bytes" doc:"Size at which the app's log is rotated."`
	LogKeep    int           `yaml:"log_keep" doc:"How many rotated logs are kept."`
	WithoutEnv bool          `yaml:"clean_env" doc:"Start the app with the variables of env and PATH, HOME, USER, LANG, TZ and TMPDIR only."`
}

// AppDefaults returns settings that start nothing and hold sensible values for everything else.
func AppDefaults() AppSettings {
	return AppSettings{
		Grace: 20 * time.Second, Start: time.Minute, Check: 10 * time.Second, PerHour: 5, State: "/var/lib/sallyport/app",
		LogSize: 20_000_000, LogKeep: 7,
	}
}

// Enabled reports whether there is an app to run.
func (s AppSettings) Enabled() bool { return len(s.Run) > 0 }

// Validate returns every mistake in s; each text begins with the key.
func (s AppSettings) Validate() []error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if s.Enabled() && s.Run[0] == "" {
		bad("run is a command without a name, want the program first")
	}
	for i, kv := range s.Env {
		if name, _, ok := strings.Cut(kv, "="); !ok || name == "" {
			bad("env[%d] is not NAME=value", i)
		}
	}
	if s.Grace < 0 {
		bad("grace is %s, want 0s or more", s.Grace)
	}
	if s.Start < time.Second {
		bad("start is %s, want 1s or more", s.Start)
	}
	if s.Check < time.Second {
		bad("check is %s, want 1s or more", s.Check)
	}
	if s.PerHour < 1 || s.PerHour > 60 {
		bad("restarts_per_hour is %d, want 1 to 60", s.PerHour)
	}
	if s.Enabled() && s.State == "" {
		bad("state is empty, want a folder: the restart budget must outlive a restart of the gateway")
	}
	if s.LogSize < 1000 {
		bad("log_size is %d, want 1000 or more", s.LogSize)
	}
	if s.LogKeep < 0 {
		bad("log_keep is %d, want 0 or more", s.LogKeep)
	}
	return errs
}

// NewApp returns the supervisor of the app: the same process handling, budget and incidents as for cloudflared. The app
// is ready when it accepts connections at opt.Upstream.
func NewApp(s AppSettings, opt Options) *Supervisor {
	opt = opt.withDefaults()
	p := paceOf(WatchSettings{Process: s.Check, RestartsPerHour: s.PerHour})
	p.start = s.Start
	sup := newSupervisor(opt, p)
	if s.Enabled() {
		sup.job = &app{set: s, opt: opt}
		sup.state.managed, sup.state.app = true, true
	}
	return sup
}

// app is the job of keeping the app alive.
type app struct {
	set AppSettings
	opt Options
}

func (a *app) grace() time.Duration { return a.set.Grace }
func (a *app) dir() string          { return a.set.State }
func (a *app) needsNetwork() bool   { return false }

func (a *app) prepare(int, string) (launch, *unstarted) {
	path, err := exec.LookPath(a.set.Run[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return launch{}, &unstarted{cause: Binary, reason: "the app's program is not there: " + err.Error()}
	}
	env := append(a.environment(), a.set.Env...)
	sp := spec{path: path, args: a.set.Run[1:], env: env, dir: a.set.Dir}
	return launch{spec: sp, metrics: a.opt.Upstream, log: filepath.Join(a.set.State, "app.log"), logSize: a.set.LogSize, logKeep: a.set.LogKeep}, nil
}

func (a *app) environment() []string {
	if a.set.WithoutEnv {
		return allowedOf(a.opt.Environ)
	}
	return append([]string(nil), a.opt.Environ...)
}

// look asks whether the app accepts a connection. Before its first one a refusal is no answer and no fault.
func (a *app) look(ctx context.Context, c *child) []evidence {
	if c.process == nil {
		return nil
	}
	if frozen(c.process.pid) {
		return []evidence{readiness{child: c.n, frozen: true}}
	}
	d := net.Dialer{Timeout: 3 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", c.metrics)
	if err == nil {
		_ = conn.Close()
		c.reached = true
		return []evidence{readiness{child: c.n, answered: true, ready: 1}}
	}
	if !c.reached {
		return []evidence{readiness{child: c.n, answered: true}}
	}
	return []evidence{readiness{child: c.n, fault: shorten(cause(err), 200)}}
}

// classify keeps the last line of an app's output as the reason of its end; what an app writes means nothing else to us.
func (a *app) classify(raw []byte) (lineClass, string) {
	return lineFailure, shorten(strings.TrimSpace(string(raw[:min(len(raw), maxLine)])), 300)
}
