package main

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sallyport/gateway/preflight"
)

// reportParts are the answers of the instance that a colleague needs; all are redacted where they are made.
var reportParts = []struct{ file, path string }{
	{"health.json", "/api/hardening/health"},
	{"metrics.json", "/api/hardening/metrics"},
	{"database.json", "/api/hardening/database"},
	{"security.json", "/api/hardening/security"},
	{"settings.json", "/api/hardening/settings"},
	{"events.json", "/api/hardening/events?limit=1000"},
}

func (p *program) reportCommand() *cobra.Command {
	var out, format, from, to string
	var compliance bool
	cmd := &cobra.Command{
		Use: "report", Short: "Write a redacted zip for a colleague, or with --compliance what was guarded and refused", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if compliance {
				return p.compliance(cmd, format, from, to)
			}
			if out == "" {
				out = "sallyport-report-" + time.Now().UTC().Format("20060102-150405") + ".zip"
			}
			return p.report(cmd, out)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write (default: sallyport-report-TIME.zip)")
	cmd.Flags().BoolVar(&compliance, "compliance", false, "the guards that were on, and what they refused, on standard output")
	cmd.Flags().StringVar(&format, "format", "md", "md or json, of --compliance")
	cmd.Flags().StringVar(&from, "from", "", "begin of --compliance, such as 2026-01-01T00:00:00Z (default: 30 days ago)")
	cmd.Flags().StringVar(&to, "to", "", "end of --compliance (default: now)")
	p.addAdminFlag(cmd)
	return cmd
}

// compliance prints the instance's compliance report as it is.
func (p *program) compliance(cmd *cobra.Command, format, from, to string) error {
	if format != "md" && format != "json" {
		return ends(codeUsage, "--format is %q, want md or json", format)
	}
	if p.json {
		format = "json"
	}
	query := url.Values{"format": {format}, "from": {from}, "to": {to}}
	r, err := p.ask(cmd, "GET", "/api/hardening/compliance?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	if r.Status != 200 {
		return ends(codeFailed, "%s", r.Problem())
	}
	_, err = p.out.Write(append(r.Body, '\n'))
	return err
}

// report writes the zip. What cannot be had is said in it; the rest is worth sending all the same.
func (p *program) report(cmd *cobra.Command, out string) (err error) {
	site, err := p.site(cmd)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return ends(codeUsage, "%w", err)
	}
	z := zip.NewWriter(f)
	err = p.fill(cmd, site, z)
	if err = errors.Join(err, z.Close(), f.Close()); err != nil {
		return ends(codeFailed, "%s: %w", out, err)
	}
	if p.json {
		return p.answer("report", struct {
			File string `json:"file"`
		}{out})
	}
	p.say("%s: settings, figures, events and doctor's results; no secret and no literal of a query", out)
	return nil
}

func (p *program) fill(cmd *cobra.Command, site preflight.Site, z *zip.Writer) error {
	for _, part := range reportParts {
		text := []byte("{}")
		if r, err := site.Instance.Ask(cmd.Context(), "GET", part.path, nil); err != nil {
			text = []byte(fmt.Sprintf("{\"missing\": %q}", err))
		} else {
			text = r.Body
		}
		if err := add(z, part.file, text); err != nil {
			return err
		}
	}
	doctor, err := json.MarshalIndent(preflight.Run(cmd.Context(), site, preflight.Doctor()), "", "  ")
	if err != nil {
		return err
	}
	if err := add(z, "doctor.json", doctor); err != nil {
		return err
	}
	w, err := z.Create("settings.yaml")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "# sallyport %s\n", version); err != nil {
		return err
	}
	return site.Config.Print(w, true)
}

func add(z *zip.Writer, name string, text []byte) error {
	w, err := z.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Writer(w).Write(text)
	return err
}
