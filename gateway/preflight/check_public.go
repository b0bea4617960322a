package preflight

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// probePath is where the instance gives out a one-shot nonce.
const probePath = "/api/hardening/probe"

// checkPublicURL asks the public URL for a nonce that only this very process answers, once.
func checkPublicURL(ctx context.Context, site Site) Result {
	public := site.Config.PublicURL
	if public == "" {
		return skip("public_url is not set")
	}
	status, cert, err := probe(ctx, site, public)
	switch {
	case err != nil:
		return fail("sallyport tunnel status", "%s did not lead here: %v", public, err)
	case status != http.StatusNoContent:
		return fail("sallyport tunnel status", "%s answers, but not by this process: its probe got %d", public, status)
	case !cert.IsZero() && cert.Sub(site.now()) < 21*24*time.Hour:
		return warn("renew the certificate", "%s reaches this process; its certificate ends on %s", public, cert.Format(time.DateOnly))
	}
	return ok("%s reaches this process", public)
}

// probe carries one nonce through base and returns the status, and until when the certificate is valid.
func probe(ctx context.Context, site Site, base string) (status int, valid time.Time, err error) {
	r, err := site.Instance.Ask(ctx, http.MethodPost, probePath, nil)
	if err != nil {
		return 0, valid, err
	}
	var issued struct{ Path string }
	if err := r.Decode(&issued); err != nil {
		return 0, valid, err
	}
	res, err := get(ctx, strings.TrimSuffix(base, "/")+issued.Path)
	if err != nil {
		return 0, valid, plain(err)
	}
	defer res.Body.Close() //nolint:errcheck // only the status is wanted
	if res.TLS != nil && len(res.TLS.PeerCertificates) > 0 {
		valid = res.TLS.PeerCertificates[0].NotAfter
	}
	return res.StatusCode, valid, nil
}

// checkAdminPrivate asks the public URL for the admin API, which must not be there.
func checkAdminPrivate(ctx context.Context, site Site) Result {
	c := site.Config
	status, ours, err := adminThrough(ctx, c.PublicURL)
	switch {
	case err != nil:
		return warn("", "%s could not be asked: %v", c.PublicURL, err)
	case ours && status == http.StatusOK:
		return fail("point the tunnel at "+c.HTTP.Listen+", never at "+c.Admin.Listen, "the admin API answers strangers at %s", c.PublicURL)
	}
	return ok("the admin API is not to be had at %s (%d)", c.PublicURL, status)
}

// adminThrough asks base for the metrics without a token; ours tells that the API answered.
func adminThrough(ctx context.Context, base string) (status int, ours bool, err error) {
	res, err := get(ctx, strings.TrimSuffix(base, "/")+"/api/hardening/metrics")
	if err != nil {
		return 0, false, plain(err)
	}
	defer res.Body.Close() //nolint:errcheck // only status and head are wanted
	return res.StatusCode, res.Header.Get("X-Hardening-Api") != "", nil
}

// tunnelConfig is cloudflared's GET /config: the rules in force, those of the dashboard included.
type tunnelConfig struct {
	Version int
	Config  struct {
		Ingress []struct{ Hostname, Service string }
	}
}

// checkTunnelRule reads cloudflared's rules in force: the one for the public name must lead to the HTTP door's literal address.
func checkTunnelRule(ctx context.Context, site Site) Result {
	metrics := site.Config.Tunnel.Metrics
	if metrics == "" {
		return skip("tunnel.metrics is not set, so cloudflared cannot be asked for its rules")
	}
	var rules tunnelConfig
	if err := getJSON(ctx, "http://"+metrics+"/config", &rules); err != nil {
		return fail("start cloudflared with --metrics "+metrics, "cloudflared does not answer at %s: %v", metrics, plain(err))
	}
	want, name := site.Config.HTTP.Listen, hostName(site.Config.PublicURL)
	for _, r := range rules.Config.Ingress {
		if r.Hostname != "" && name != "" && r.Hostname != name && r.Hostname != "*" {
			continue
		}
		u, err := url.Parse(r.Service)
		switch {
		case err != nil || u.Host == "":
			return fail("write service: http://"+want, "the rule for %s leads to %s, not to the HTTP door", orAny(name), clip(r.Service, 60))
		case strings.EqualFold(u.Hostname(), "localhost"):
			return fail("write service: http://"+want, "the rule for %s leads to %s: localhost can mean [::1], where another process may listen", orAny(name), u.Host)
		case u.Host != want:
			return fail("write service: http://"+want, "the rule for %s leads to %s, the HTTP door is %s", orAny(name), u.Host, want)
		}
		return ok("cloudflared's rule (version %d) leads to the HTTP door", rules.Version)
	}
	return fail("add the hostname with service: http://"+want, "cloudflared has no rule for %s", orAny(name))
}

func orAny(name string) string {
	if name == "" {
		return "every host"
	}
	return name
}

func hostName(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func getJSON(ctx context.Context, raw string, v any) error {
	res, err := get(ctx, raw)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // only read
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %d", res.StatusCode)
	}
	return json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(v)
}
