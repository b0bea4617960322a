package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// checkApp asks the app for / at its literal address.
func checkApp(ctx context.Context, site Site) Result {
	raw := site.Config.HTTP.App.URL
	u, err := url.Parse(raw)
	if err != nil {
		return fail("set http.upstream", "http.upstream is no URL")
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	begun := time.Now()
	res, err := get(ctx, u.JoinPath("/").String())
	if err != nil {
		return appSilent(ctx, u, err)
	}
	res.Body.Close() //nolint:errcheck // only the status is wanted
	took := time.Since(begun).Milliseconds()
	who := appOwner(u)
	if res.StatusCode >= http.StatusInternalServerError {
		return fail("look into the app's own log", "the app at %s answers / with %d", raw, res.StatusCode).with(who...)
	}
	return ok("the app at %s answers / with %d in %d ms", raw, res.StatusCode, took).with(who...)
}

// appSilent tells an app that is not there from one that accepts and says nothing: that one may still be starting.
func appSilent(ctx context.Context, u *url.URL, err error) Result {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fail("start the app, or set http.upstream to where it listens", "nobody listens at %s", u)
	}
	return warn("if it stays so, restart the app", "the app at %s accepts connections but gave no answer to GET / (%v)", u, plain(err)).with(appOwner(u)...)
}

func appOwner(u *url.URL) []string {
	ap, err := netip.ParseAddrPort(hostPort(u))
	if err != nil {
		return nil
	}
	if o, found := answering(listeners(ap.Port()), ap.Addr().Unmap()); found {
		return []string{fmt.Sprintf("%s is %s", ap, o)}
	}
	return nil
}

// get asks for raw without following redirects, without a proxy, on a connection of its own.
func get(ctx context.Context, raw string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, raw, nil)
	if err != nil {
		return nil, err
	}
	return client().Do(req)
}

// client follows no redirects and uses no proxy: both would answer for somebody else.
func client() *http.Client {
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// plain is the innermost error, without the URL that net/http puts around it.
func plain(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
