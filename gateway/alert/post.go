package alert

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// maxSecret is how much of a file with a secret is read, bytes.
const maxSecret = 16 << 10

// poster sends a body to an address that stands in a file, and returns an error that does not show the address: it is a
// secret in itself.
type poster func(ctx context.Context, address string, header http.Header, body []byte) error

// clients are the HTTP clients of all channels.
type clients struct{ http *http.Client }

func newClients(roots *x509.CertPool, proxy func(*http.Request) (*url.URL, error)) clients {
	tr := &http.Transport{
		Proxy: proxy, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true, TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
	}
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return clients{&http.Client{Transport: tr, CheckRedirect: refuse}}
}

// post sends body; anything but 2xx is an error.
func (c clients) post(ctx context.Context, address string, header http.Header, body []byte) error {
	return c.ask(ctx, http.MethodPost, address, header, body)
}

func (c clients) ask(ctx context.Context, method, address string, header http.Header, body []byte) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && !loopbackHost(u.Hostname()) {
		return errors.New("the address is not an https URL")
	}
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("the address is not a URL")
	}
	for k, v := range header {
		req.Header[k] = v
	}
	req.Header.Set("User-Agent", "sallyport-alert")
	resp, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("post to %s: %s", u.Host, withoutURL(err))
	}
	defer resp.Body.Close()
	if _, err := io.CopyN(io.Discard, resp.Body, 64<<10); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("post to %s: %w", u.Host, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("post to %s: status %d", u.Host, resp.StatusCode)
	}
	return nil
}

// withoutURL takes the address, which is a secret, out of an error of the HTTP client.
func withoutURL(err error) string {
	var ue *url.Error
	if errors.As(err, &ue) {
		return ue.Err.Error()
	}
	return err.Error()
}

// secretIn reads the one line that file holds.
func secretIn(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecret))
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" || strings.ContainsAny(secret, "\r\n") {
		return "", fmt.Errorf("%s does not hold one line", file)
	}
	return secret, nil
}
