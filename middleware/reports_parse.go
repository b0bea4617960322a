package middleware

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// errNoReport says that a body is none of the two kinds of report.
var errNoReport = errors.New("no report")

// legacyReport is what report-uri sends (CSP level 2).
type legacyReport struct {
	Report struct {
		DocumentURI        string `json:"document-uri"`
		EffectiveDirective string `json:"effective-directive"`
		ViolatedDirective  string `json:"violated-directive"`
		BlockedURI         string `json:"blocked-uri"`
		Disposition        string `json:"disposition"`
	} `json:"csp-report"`
}

// modernReport is one of what report-to sends (Reporting API).
type modernReport struct {
	Type string `json:"type"`
	Body struct {
		DocumentURL        string `json:"documentURL"`
		EffectiveDirective string `json:"effectiveDirective"`
		BlockedURL         string `json:"blockedURL"`
		Disposition        string `json:"disposition"`
	} `json:"body"`
}

// parseReports reads the violations in a body; reports of other types are passed over.
func parseReports(contentType string, body io.Reader) ([]Violation, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, errNoReport
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	switch kind {
	case "application/csp-report":
		return parseLegacy(text)
	case "application/reports+json":
		return parseModern(text)
	}
	return nil, errNoReport
}

func parseLegacy(text []byte) ([]Violation, error) {
	var l legacyReport
	if err := json.Unmarshal(text, &l); err != nil {
		return nil, errNoReport
	}
	directive, _, _ := strings.Cut(l.Report.EffectiveDirective, " ")
	if directive == "" {
		directive, _, _ = strings.Cut(l.Report.ViolatedDirective, " ")
	}
	return usable(nil, directive, l.Report.BlockedURI, l.Report.DocumentURI, l.Report.Disposition), nil
}

func parseModern(text []byte) ([]Violation, error) {
	var batch []modernReport
	if err := json.Unmarshal(text, &batch); err != nil {
		return nil, errNoReport
	}
	var all []Violation
	for _, m := range batch[:min(len(batch), maxBatch)] {
		if m.Type == "csp-violation" {
			all = usable(all, m.Body.EffectiveDirective, m.Body.BlockedURL, m.Body.DocumentURL, m.Body.Disposition)
		}
	}
	return all, nil
}

// usable appends the violation where its directive is one.
func usable(all []Violation, directive, blocked, page, disposition string) []Violation {
	if !isDirective(directive) {
		return all
	}
	return append(all, Violation{
		Directive: directive, Blocked: blockedSource(blocked), Page: pagePath(page), Enforced: disposition == "enforce",
	})
}

func isDirective(s string) bool {
	if s == "" || len(s) > 40 {
		return false
	}
	for i := range len(s) {
		if (s[i] < 'a' || s[i] > 'z') && s[i] != '-' {
			return false
		}
	}
	return true
}

// blockedSource reduces what was blocked to what a policy could name: its origin, or its kind.
func blockedSource(blocked string) string {
	switch blocked {
	case "inline", "eval", "wasm-eval", "self", "data", "blob", "trusted-types-sink", "trusted-types-policy":
		return blocked
	}
	u, err := url.Parse(blocked)
	switch {
	case err != nil || u.Scheme == "":
		return "other"
	case u.Host == "":
		return printable(u.Scheme)
	}
	return printable(strings.ToLower(u.Scheme + "://" + u.Host))
}

// pagePath is the page's path alone: a query may hold secrets.
func pagePath(page string) string {
	u, err := url.Parse(page)
	if err != nil {
		return ""
	}
	return printable(u.Path)
}

// printable cuts s and replaces what has no place in a line of text.
func printable(s string) string {
	s = s[:min(len(s), maxReportField)]
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' || r == '\u2028' || r == '\u2029' {
			return '?'
		}
		return r
	}, s)
}

func reportStatus(err error) int {
	if status := BodyStatus(err); status != 0 {
		return status
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}
