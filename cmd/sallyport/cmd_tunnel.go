package main

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// tunnelStanding is what is shown of GET /api/hardening/tunnel.
type tunnelStanding struct {
	Status string `json:"status"`
	Tunnel struct {
		Mode             string     `json:"mode"`
		State            string     `json:"state"`
		Cause            string     `json:"cause"`
		Since            time.Time  `json:"since"`
		PID              int        `json:"pid"`
		ReadyConnections int        `json:"readyConnections"`
		Version          string     `json:"version"`
		Protocol         string     `json:"protocol"`
		EdgeIPv6         bool       `json:"edgeIpv6"`
		Restarts         restarts   `json:"restarts"`
		Probe            lastProbe  `json:"probe"`
		Certificate      publicCert `json:"certificate"`
		Binary           struct {
			Path     string `json:"path"`
			SHA256   string `json:"sha256"`
			Pinned   bool   `json:"pinned"`
			Verified bool   `json:"verified"`
		} `json:"binary"`
		Rules struct {
			Version int    `json:"version"`
			OK      bool   `json:"ok"`
			Finding string `json:"finding"`
		} `json:"rules"`
		Backup    backupState `json:"backup"`
		Incidents []incident  `json:"incidents"`
	} `json:"tunnel"`
	Ingress []ingressRule `json:"ingress"`
	Changes []change      `json:"changes"`
}

type restarts struct {
	Used   int `json:"used"`
	Budget int `json:"budget"`
}

type lastProbe struct {
	Last    time.Time `json:"last"`
	Class   string    `json:"class"`
	Latency float64   `json:"latency"`
	Meaning string    `json:"meaning"`
}

type publicCert struct {
	DaysLeft int       `json:"daysLeft"`
	NotAfter time.Time `json:"notAfter"`
	Issuer   string    `json:"issuer"`
}

type backupState struct {
	Last  time.Time `json:"last"`
	File  string    `json:"file"`
	Kept  int       `json:"kept"`
	Error string    `json:"error,omitempty"`
}

type incident struct {
	Cause    string    `json:"cause"`
	Severity string    `json:"severity"`
	Since    time.Time `json:"since"`
	Summary  string    `json:"summary"`
}

type ingressRule struct {
	Hostname string `json:"hostname"`
	Path     string `json:"path"`
	Service  string `json:"service"`
}

// change is one change of state of a supervised process.
type change struct {
	At    time.Time `json:"at"`
	State string    `json:"state"`
	Cause string    `json:"cause"`
	PID   int       `json:"pid"`
}

func (p *program) tunnelCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "tunnel", Short: "See and steer the supervised cloudflared, and keep its secrets", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		p.tunnelStatusCommand(), p.tunnelProbeCommand(),
		p.orderCommand("tunnel", "restart", "Start a new connector beside the old one, then stop the old: no request is lost"),
		p.orderCommand("tunnel", "hold", "Take the tunnel down until it is released"),
		p.orderCommand("tunnel", "release", "End a hold, whatever it is for, and start the tunnel"),
		p.tunnelHistoryCommand(), p.tunnelDriftCommand(), p.backupCommand(), p.restoreCommand(), p.verifyCommand(),
	)
	return cmd
}

// standing asks for the tunnel. One that nobody supervises is an error: there is nothing to show.
func (p *program) tunnelStanding(cmd *cobra.Command) (tunnelStanding, error) {
	var t tunnelStanding
	err := p.get(cmd, "/api/hardening/tunnel", &t)
	if err == nil && t.Tunnel.Mode == "off" {
		err = ends(codeFailed, "no tunnel is supervised; set tunnel.run or tunnel.metrics")
	}
	return t, err
}

func (p *program) tunnelStatusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "status", Short: "Show how the tunnel is; exit 1 where something is wrong with it", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t, err := p.tunnelStanding(cmd)
			if err != nil {
				return err
			}
			if err := p.answerOr("tunnel-status", t, func() { p.sayTunnel(t) }); err != nil {
				return err
			}
			if len(t.Tunnel.Incidents) > 0 {
				return failed()
			}
			return nil
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}

func (p *program) sayTunnel(t tunnelStanding) {
	n := t.Tunnel
	p.table([][]string{
		{"state", strings.TrimSpace(n.State + " " + n.Cause), "since " + local(n.Since)},
		{"process", fmt.Sprintf("pid %d, cloudflared %s, %s", n.PID, orDash(n.Version), n.Mode), fmt.Sprintf("%d of %d restarts in the last hour", n.Restarts.Used, n.Restarts.Budget)},
		{"edge", fmt.Sprintf("%d connections, %s", n.ReadyConnections, orDash(n.Protocol)), map[bool]string{true: "IPv6", false: "IPv4"}[n.EdgeIPv6]},
		{"public URL", orDash(n.Probe.Class), fmt.Sprintf("%.0f ms, %s", n.Probe.Latency, local(n.Probe.Last))},
		{"certificate", certText(n.Certificate), orDash(n.Certificate.Issuer)},
		{"rules", fmt.Sprintf("version %d: %s", n.Rules.Version, ruleText(n.Rules.OK, n.Rules.Finding)), ""},
		{"binary", orDash(n.Binary.Path), map[bool]string{true: "pinned", false: "not pinned"}[n.Binary.Pinned]},
		{"backup", orDash(n.Backup.File), fmt.Sprintf("%d kept, newest %s", n.Backup.Kept, local(n.Backup.Last))},
	})
	for _, i := range n.Incidents {
		p.say("%s %s since %s: %s", strings.ToUpper(i.Severity), i.Cause, local(i.Since), oneLine(i.Summary, 300))
	}
}

func certText(c publicCert) string {
	if c.NotAfter.IsZero() {
		return "not seen"
	}
	return fmt.Sprintf("%d days left, until %s", c.DaysLeft, c.NotAfter.Format(time.DateOnly))
}

func ruleText(ok bool, finding string) string {
	switch {
	case finding != "":
		return oneLine(finding, 300)
	case ok:
		return "they lead to the HTTP door"
	}
	return "not seen yet"
}

// local is t for people on this machine; "-" where there is none.
func local(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format(time.DateTime)
}

// localText is local of a time as the API writes it; what is none is "-".
func localText(t string) string {
	at, _ := time.Parse(time.RFC3339, t)
	return local(at)
}

// answerOr writes v as JSON where that is asked for, and speaks otherwise.
func (p *program) answerOr(name string, v any, speak func()) error {
	if p.json {
		return p.answer(name, v)
	}
	speak()
	return nil
}

func (p *program) tunnelProbeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "probe", Short: "Send one nonce through the public URL now; exit 1 where it does not come back to this process", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var done struct {
				Probe struct {
					At      time.Time `json:"at"`
					Class   string    `json:"class"`
					Latency float64   `json:"latency"`
					Meaning string    `json:"meaning"`
					Foreign bool      `json:"foreign"`
				} `json:"probe"`
			}
			if err := p.post(cmd, "/api/hardening/tunnel/probe", nil, probeWait, &done); err != nil {
				return err
			}
			r := done.Probe
			if err := p.answerOr("tunnel-probe", done, func() { p.say("%s in %.0f ms: %s", r.Class, r.Latency, oneLine(r.Meaning, 300)) }); err != nil {
				return err
			}
			if r.Class != "reached" || r.Foreign {
				return failed()
			}
			return nil
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}

// How long the instance may take to answer.
const (
	probeWait   = 15 * time.Second
	restoreWait = 3 * time.Minute
)

// post sends body to path and reads the answer into v; it may take as long as wait.
func (p *program) post(cmd *cobra.Command, path string, body any, wait time.Duration, v any) error {
	i, err := p.instance(cmd)
	if err != nil {
		return err
	}
	i.Wait = wait
	r, err := i.Ask(cmd.Context(), http.MethodPost, path, body)
	if err != nil {
		return coded(err)
	}
	return coded(r.Decode(v))
}

// orderCommand gives one order to the supervised process what, "tunnel" or "app".
func (p *program) orderCommand(what, word, short string) *cobra.Command {
	cmd := &cobra.Command{
		Use: word, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var done map[string]any
			if err := p.post(cmd, "/api/hardening/"+what+"/"+word, nil, probeWait, &done); err != nil {
				return err
			}
			return p.answerOr(what+"-"+word, struct {
				OK bool `json:"ok"`
			}{true}, func() { p.say("the supervisor of the %s has heard: %s; see: sallyport %s status", what, word, what) })
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}
