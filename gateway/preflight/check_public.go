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
		return fail(lookAtTunnel(site), "%s did not lead here: %v", public, err)
	case status != http.StatusNoContent:
		return fail(lookAtTunnel(site), "%s answers, but not by this process: its probe got %d", public, status)
	case !cert.IsZero() && cert.Sub(site.now()) < 21*24*time.Hour:
		return warn("renew the certificate", "%s reaches this process; its certificate ends on %s", public, cert.Format(time.DateOnly))
	}
	return ok("%s reaches this process", public)
}

// lookAtTunnel is where to look when the public name does not lead here.
func lookAtTunnel(site Site) string {
	if site.Config.Tunnel.Enabled() {
		return "sallyport tunnel status"
	}
	return "start cloudflared, and let its tunnel's DNS record carry the name of public_url; with tunnel.run or tunnel.metrics set, sallyport tunnel status tells more"
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
