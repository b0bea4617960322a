package gateway

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/gateway/journal"
	"sallyport/gateway/tunnel"
)

// tunnelAnswer is GET /api/hardening/tunnel, and what each order to the tunnel answers.
type tunnelAnswer struct {
	Status     string          `json:"status"`
	Timestamp  string          `json:"timestamp"`
	APIVersion string          `json:"apiVersion"`
	Tunnel     tunnel.Snapshot `json:"tunnel"`
	// Ingress are the rules in force as cloudflared serves them, at most 50.
	Ingress []tunnel.IngressRule `json:"ingress"`
	// Probes are the newest through the public URL, oldest first, at most 60.
	Probes []tunnel.ProbeResult `json:"probes"`
	// Changes are the newest changes of state, oldest first, at most 200.
	Changes []tunnel.Transition `json:"changes"`
}

func (g *Gateway) getTunnel(c *gin.Context) { c.JSON(http.StatusOK, g.tunnelAnswer()) }

func (g *Gateway) tunnelAnswer() tunnelAnswer {
	a := tunnelAnswer{
		Status: healthy, Timestamp: g.timestamp(), APIVersion: apiVersion, Tunnel: g.tunnelPart(),
		Ingress: []tunnel.IngressRule{}, Probes: []tunnel.ProbeResult{}, Changes: []tunnel.Transition{},
	}
	if g.tunnel != nil {
		a.Status = g.checkTunnel().Status
		a.Ingress, a.Probes, a.Changes = some(g.tunnel.Ingress()), some(g.tunnel.Probes()), some(g.tunnel.History())
	}
	return a
}

// order is what an operator may want of a supervised process.
type order struct {
	kind, says string
	do         func(*tunnel.Supervisor, context.Context) error
}

// orders are those of the tunnel and of the app, by the last word of their path.
var orders = map[string]order{
	"restart": {"restart-ordered", "was told to restart", (*tunnel.Supervisor).Restart},
	"hold":    {"hold-ordered", "was told to stay down until it is released", (*tunnel.Supervisor).Hold},
	"release": {"release-ordered", "was released", (*tunnel.Supervisor).Release},
}

// orderWait is how long an order may take until the supervisor has heard it.
const orderWait = 5 * time.Second

// tell returns the handler that gives an order to sup and then answers with answer. what is "tunnel" or "app".
func (g *Gateway) tell(what, word string, sup func() *tunnel.Supervisor, answer gin.HandlerFunc) gin.HandlerFunc {
	o := orders[word]
	return func(c *gin.Context) {
		s := sup()
		if s == nil || s.Snapshot().Mode != "run" {
			refuse(c, http.StatusConflict, "No "+what+" is run here, so nothing can be told to it.")
			return
		}
		ctx, cancel := context.WithTimeout(c.Request.Context(), orderWait)
		defer cancel()
		if err := o.do(s, ctx); err != nil {
			refuse(c, http.StatusServiceUnavailable, "The supervisor did not hear: "+err.Error()+".")
			return
		}
		g.journal.Add(journal.Event{Door: "admin", Kind: what + "-" + o.kind, Client: peerOf(c.Request), Summary: "The " + what + " " + o.says + "."})
		answer(c)
	}
}

// tunnelSup is the tunnel's supervisor, nil where there is none.
func (g *Gateway) tunnelSup() *tunnel.Supervisor { return g.tunnel }

// probedAnswer is POST /api/hardening/tunnel/probe.
type probedAnswer struct {
	Status     string             `json:"status"`
	Timestamp  string             `json:"timestamp"`
	APIVersion string             `json:"apiVersion"`
	Probe      tunnel.ProbeResult `json:"probe"`
}

// probeTunnel sends one nonce through the public URL now.
func (g *Gateway) probeTunnel(c *gin.Context) {
	if g.tunnel == nil {
		refuse(c, http.StatusConflict, "No tunnel is supervised: set tunnel.run or tunnel.metrics.")
		return
	}
	r, err := g.tunnel.Probe(c.Request.Context())
	if err != nil {
		refuse(c, http.StatusConflict, "There is no public URL to probe: set public_url.")
		return
	}
	status := "ok"
	if r.Class != tunnel.ProbeReached {
		status = "failed"
	}
	c.JSON(http.StatusOK, probedAnswer{status, g.timestamp(), apiVersion, r})
}

// backupAnswer is POST /api/hardening/tunnel/backup.
type backupAnswer struct {
	Status     string             `json:"status"`
	Timestamp  string             `json:"timestamp"`
	APIVersion string             `json:"apiVersion"`
	Backup     tunnel.BackupState `json:"backup"`
}

// backUp makes one backup of the tunnel's secrets.
func (g *Gateway) backUp(c *gin.Context) {
	if g.tunnel == nil || g.tunnel.Backups() == nil {
		refuse(c, http.StatusConflict, "No backups are made here: set tunnel.backup.dir and tunnel.backup.recipient.")
		return
	}
	state, err := g.tunnel.MakeBackup()
	if err != nil {
		refuse(c, http.StatusServiceUnavailable, "No backup was made: "+err.Error()+".")
		return
	}
	g.journal.Add(journal.Event{Door: "admin", Kind: "tunnel-backed-up", Client: peerOf(c.Request), Summary: "The tunnel's secrets were backed up.", Detail: map[string]string{"file": state.File}})
	c.JSON(http.StatusOK, backupAnswer{"ok", g.timestamp(), apiVersion, state})
}

// restoreRequest is the body of POST /api/hardening/tunnel/restore. Identity is the operator's secret key; Tunnel names the
// tunnel where the present secrets cannot tell it.
type restoreRequest struct {
	File     string `json:"file"`
	Identity string `json:"identity"`
	Tunnel   string `json:"tunnel"`
}

// restoreAnswer tells of which tunnel the restored secrets are.
type restoreAnswer struct {
	Status     string          `json:"status"`
	Timestamp  string          `json:"timestamp"`
	APIVersion string          `json:"apiVersion"`
	Backup     tunnel.Manifest `json:"backup"`
}

// restoreTunnel puts a backup in place and connects with it, or leaves everything as it was. The secret key comes over
// loopback only: this listener speaks plain HTTP.
func (g *Gateway) restoreTunnel(c *gin.Context) {
	if peer, err := netip.ParseAddr(peerOf(c.Request)); err != nil || !peer.Unmap().IsLoopback() {
		refuse(c, http.StatusForbidden, "A restore carries a secret key and is taken from this machine only.")
		return
	}
	var r restoreRequest
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, 16<<10)
	if err := c.ShouldBindJSON(&r); err != nil || r.File == "" || r.Identity == "" {
		refuse(c, http.StatusBadRequest, "Name the backup and the secret key that opens it.")
		return
	}
	if g.tunnel == nil || g.tunnel.Backups() == nil {
		refuse(c, http.StatusConflict, "No backups are made here: set tunnel.backup.dir and tunnel.backup.recipient.")
		return
	}
	m, err := g.tunnel.Restore(c.Request.Context(), r.File, r.Identity, r.Tunnel)
	if err != nil {
		g.journal.Add(journal.Event{Door: "admin", Kind: "tunnel-restore-refused", Severity: journal.Warning, Client: peerOf(c.Request), Summary: "A backup of the tunnel was not restored: " + clip(err.Error(), 300) + "."})
		refuse(c, http.StatusUnprocessableEntity, "Nothing was restored: "+err.Error()+".")
		return
	}
	g.journal.Add(journal.Event{Door: "admin", Kind: "tunnel-restored", Client: peerOf(c.Request), Summary: "The tunnel's secrets were restored from a backup.", Detail: map[string]string{"file": clip(r.File, 200), "tunnel": m.TunnelID}})
	c.JSON(http.StatusOK, restoreAnswer{"ok", g.timestamp(), apiVersion, m})
}
