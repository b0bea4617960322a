package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// standing is what is shown of GET /api/hardening/metrics.
type standing struct {
	Status     string `json:"status"`
	Version    string `json:"version"`
	Generation int    `json:"generation"`
	Hardening  struct {
		Database struct {
			Enabled bool `json:"enabled"`
			Metrics struct {
				TotalQueries         uint64  `json:"totalQueries"`
				BlockedQueries       uint64  `json:"blockedQueries"`
				SlowQueries          uint64  `json:"slowQueries"`
				P95Latency           float64 `json:"p95Latency"`
				CircuitBreakerStatus string  `json:"circuitBreakerStatus"`
				Pool                 struct {
					Max    int `json:"max"`
					Active int `json:"active"`
				} `json:"pool"`
			} `json:"metrics"`
		} `json:"database"`
		Server struct {
			Metrics struct {
				Uptime        float64 `json:"uptime"`
				RequestsTotal int64   `json:"requestsTotal"`
				RateLimited   int64   `json:"rateLimited"`
				TooLarge      int64   `json:"tooLarge"`
				P95Latency    float64 `json:"p95Latency"`
			} `json:"metrics"`
		} `json:"server"`
		Tunnel struct {
			Mode      string     `json:"mode"`
			State     string     `json:"state"`
			Restarts  restarts   `json:"restarts"`
			Probe     lastProbe  `json:"probe"`
			Incidents []incident `json:"incidents"`
		} `json:"tunnel"`
		App struct {
			Mode      string     `json:"mode"`
			State     string     `json:"state"`
			PID       int        `json:"pid"`
			Restarts  restarts   `json:"restarts"`
			Incidents []incident `json:"incidents"`
		} `json:"app"`
		Drift struct {
			Count int `json:"count"`
		} `json:"drift"`
	} `json:"hardening"`
}

func (p *program) statusCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "status", Short: "Show in some lines what the running instance does", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s standing
			if err := p.get(cmd, "/api/hardening/metrics", &s); err != nil {
				return err
			}
			if p.json {
				return p.answer("status", s)
			}
			p.table(s.rows())
			return nil
		},
	}
	p.addAdminFlag(cmd)
	return cmd
}

// rows is s for a person.
func (s standing) rows() [][]string {
	web, db := s.Hardening.Server.Metrics, s.Hardening.Database.Metrics
	rows := [][]string{
		{"status", s.Status},
		{"running", fmt.Sprintf("%s, version %s, settings generation %d", (time.Duration(web.Uptime) * time.Second).String(), s.Version, s.Generation)},
		{"HTTP door", fmt.Sprintf("%d requests, p95 %.1f ms; refused: %d over the rate, %d too large", web.RequestsTotal, web.P95Latency, web.RateLimited, web.TooLarge)},
	}
	if s.Hardening.Database.Enabled {
		rows = append(rows, []string{"database door", fmt.Sprintf("%d queries, p95 %.1f ms, %d slow, %d refused; pool %d of %d; breaker %s",
			db.TotalQueries, db.P95Latency, db.SlowQueries, db.BlockedQueries, db.Pool.Active, db.Pool.Max, db.CircuitBreakerStatus)})
	} else {
		rows = append(rows, []string{"database door", "closed"})
	}
	if a := s.Hardening.App; a.Mode != "off" && a.Mode != "" {
		rows = append(rows, []string{"app", fmt.Sprintf("%s, pid %d, %d of %d restarts%s", a.State, a.PID, a.Restarts.Used, a.Restarts.Budget, firstIncident(a.Incidents))})
	}
	return append(rows, []string{"tunnel", s.tunnel()}, []string{"drift", count(s.Hardening.Drift.Count, "item")})
}

func (s standing) tunnel() string {
	t := s.Hardening.Tunnel
	if t.Mode == "off" {
		return t.State
	}
	return fmt.Sprintf("%s, public URL %s, %d of %d restarts%s", t.State, orDash(t.Probe.Class), t.Restarts.Used, t.Restarts.Budget, firstIncident(t.Incidents))
}

func firstIncident(all []incident) string {
	if len(all) == 0 {
		return ""
	}
	return "; " + all[0].Cause + ": " + oneLine(all[0].Summary, 200)
}
