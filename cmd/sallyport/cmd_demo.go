package main

import (
	"context"
	"errors"
	"net"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"sallyport/dbguard/localpg"
)

// honestVisitors shop while the attacks are played.
const honestVisitors = 5

// demoReport is the demo's answer.
type demoReport struct {
	Attacks           int            `json:"attacks"`
	Stopped           int            `json:"stopped"`
	ReachedData       int            `json:"reachedData"`
	Legitimate        int            `json:"legitimate"`
	LegitimateRefused int            `json:"legitimateRefused"`
	Seconds           float64        `json:"seconds"`
	Database          string         `json:"database"`
	Played            []attackReport `json:"played"`
	// firstRefused is the first honest request that was not served, nil where all were.
	firstRefused error
}

func (p *program) demoCommand() *cobra.Command {
	o := demoOptions{private: localpg.Start}
	cmd := &cobra.Command{
		Use: "demo", Short: "Play four attacks on a toy shop behind both doors; needs no settings and no network", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return p.demo(cmd.Context(), o) },
	}
	cmd.Flags().StringVar(&o.url, "db", "", "URL of a PostgreSQL to use, with sslmode; the demo keeps its tables in a schema of its own and drops it (default: a private server)")
	cmd.Flags().BoolVar(&o.once, "once", false, "end after the attacks; exit 0 where all were stopped and every honest request was served")
	return cmd
}

// demo sets the stage, plays, tells, and without --once stays until it is interrupted.
func (p *program) demo(ctx context.Context, o demoOptions) error {
	began := time.Now()
	p.progress("sallyport demo: setting up a toy shop, its database and both doors …")
	s, err := setStage(ctx, o)
	if err != nil {
		return &ending{code: codeFailed, cause: err}
	}
	defer s.close()
	if s.database == nil {
		p.progress("No PostgreSQL on this machine, so only the HTTP door is shown. For both doors use --db URL, or %s.", localpg.HowToGet())
	}
	report, err := s.play(ctx)
	if err != nil {
		return &ending{code: codeFailed, cause: err}
	}
	report.Seconds = float64(time.Since(began).Milliseconds()/10) / 100
	if err := p.tell(s, report); err != nil {
		return err
	}
	if !o.once {
		return p.stay(ctx, s)
	}
	if report.Stopped < report.Attacks || report.LegitimateRefused > 0 {
		return failed()
	}
	return nil
}

// play plays the attacks one after the other while honest visitors shop.
func (s *stage) play(ctx context.Context) (*demoReport, error) {
	r := &demoReport{Database: "none"}
	if s.database != nil {
		r.Database = s.database.kind + " PostgreSQL " + s.database.version
	}
	visiting, leave := context.WithCancel(ctx)
	defer leave()
	visits := make(chan *crowd, 1)
	go func() { visits <- honest(visiting, s.door(), honestVisitors) }()
	var wrong error
	for _, a := range s.attacks() {
		played, err := a.play(ctx, s)
		if err != nil {
			wrong = errors.Join(err, s.failure())
			leave()
			break
		}
		played.Name = a.name
		r.add(played)
	}
	crowd := <-visits
	r.Legitimate, r.LegitimateRefused, r.firstRefused = crowd.served+crowd.refused, crowd.refused, crowd.first
	return r, wrong
}

// failure is what ended the gateway early, nil where it runs.
func (s *stage) failure() error {
	select {
	case err := <-s.running:
		s.running <- nil // for close
		return err
	default:
		return nil
	}
}

func (r *demoReport) add(a attackReport) {
	r.Attacks++
	if a.Stopped {
		r.Stopped++
	}
	if a.ReachedData {
		r.ReachedData++
	}
	r.Played = append(r.Played, a)
}

// tell answers with the report.
func (p *program) tell(s *stage, r *demoReport) error {
	if p.json {
		return p.answer("demo", r)
	}
	p.say("A toy shop whose search puts visitors' words into its SQL. Database: %s.", r.Database)
	for i, a := range r.Played {
		p.say("")
		p.say("%d. %s: %s", i+1, a.Name, outcome(a))
		p.say("   without the doors: %s", a.Unguarded)
		p.say("   through the doors: %s", a.Guarded)
		if a.By != "" {
			p.say("   stopped by:        %s", a.By)
		}
	}
	p.say("")
	p.say("%s, %d stopped, %d reached the data; %d honest requests meanwhile, %d refused. %.1f s.",
		count(r.Attacks, "attack"), r.Stopped, r.ReachedData, r.Legitimate, r.LegitimateRefused, r.Seconds)
	if r.firstRefused != nil {
		p.say("The first honest request that was refused: %v", r.firstRefused)
	}
	return nil
}

func outcome(a attackReport) string {
	if a.Stopped {
		return "stopped"
	}
	return "NOT STOPPED"
}

// portOf is the port of addr.
func portOf(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	return port
}

// stay keeps everything running for visitors until ctx ends or the gateway fails.
func (p *program) stay(ctx context.Context, s *stage) error {
	p.progress("")
	p.progress("Everything keeps running; Ctrl-C ends it.")
	p.progress("  page and API   http://%s/", s.addresses.Admin)
	p.progress("  without doors  %s/    try: curl -s '%s/search?q=%s'", s.naked.url(), s.naked.url(), url.QueryEscape(injected))
	p.progress("  HTTP door      %s/    try: curl -s '%s/search?q=%s'", s.door(), s.door(), url.QueryEscape(injected))
	if s.database != nil {
		p.progress("  database door  %s     try: PGPASSWORD=$(cat %s) psql -h 127.0.0.1 -p %s -U shop %s",
			s.addresses.Database, s.config.Database.Users[0].PasswordFile, portOf(s.addresses.Database), s.database.name)
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.running:
		s.running <- nil // for close
		return &ending{code: codeFailed, cause: errors.Join(errors.New("the gateway ended"), err)}
	}
}
