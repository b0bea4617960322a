package tunnel

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// newProber returns a prober through edge, whose handler gets the nonces it may answer.
func newProber(t *testing.T, edge func(n *Nonces) http.HandlerFunc) (prober, *httptest.Server) {
	t.Helper()
	n := &Nonces{}
	srv := httptest.NewServer(edge(n))
	t.Cleanup(srv.Close)
	return prober{url: srv.URL, nonces: n, door: NewDoor("key"), timeout: 2 * time.Second, now: time.Now, dial: (&net.Dialer{}).DialContext}, srv
}

func through(tags ...string) func(*Nonces) http.HandlerFunc {
	return func(n *Nonces) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Cf-Ray", "1")
			for _, tag := range tags {
				r.Header.Add("Cf-Warp-Tag-Door", tag)
			}
			n.Answer(w, r)
		}
	}
}

func saying(status int, body string, header ...string) func(*Nonces) http.HandlerFunc {
	return func(*Nonces) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
}

func TestProbeClasses(t *testing.T) {
	for name, c := range map[string]struct {
		edge    func(*Nonces) http.HandlerFunc
		want    ProbeClass
		foreign bool
	}{
		"our connector":           {through("key"), ProbeReached, false},
		"spoofed key before ours": {through("spoofed", "key"), ProbeReached, false},
		"foreign connector":       {through("other"), ProbeReached, true},
		"no tag at all":           {through(), ProbeReached, true},
		"without Cloudflare":      {func(n *Nonces) http.HandlerFunc { return n.Answer }, ProbeDirect, false},
		"204 by somebody else":    {saying(204, ""), ProbeOther, false},
		"200 by somebody else":    {saying(200, "hello"), ProbeOther, false},
		"404 by somebody else":    {saying(404, ""), ProbeOther, false},
		"530":                     {saying(530, "error code: 1033"), ProbeRouteLost, false},
		"1033 page":               {saying(530, "<title>Error 1033</title>"), ProbeRouteLost, false},
		"502":                     {saying(502, ""), ProbeOrigin, false},
		"522":                     {saying(522, ""), ProbeOrigin, false},
		"Access":                  {saying(302, "", "Location", "https://team.cloudflareaccess.com/cdn-cgi/access/login"), ProbeInconclusive, false},
		"redirect to elsewhere":   {saying(302, "", "Location", "https://example.com/"), ProbeOther, false},
		"bot check":               {saying(403, "", "Cf-Mitigated", "challenge"), ProbeInconclusive, false},
	} {
		t.Run(name, func(t *testing.T) {
			p, _ := newProber(t, c.edge)
			if got := p.probe(t.Context(), ""); got.Class != c.want || got.Foreign != c.foreign {
				t.Errorf("probe is %s, foreign %v (%s), want %s, %v", got.Class, got.Foreign, got.Meaning, c.want, c.foreign)
			}
		})
	}
}

func TestProbeKnowsAForeignConnectorByItsIDToo(t *testing.T) {
	p, _ := newProber(t, func(n *Nonces) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Cf-Ray", "1")
			r.Header.Set("Cf-Warp-Tag-Id", "theirs")
			n.Answer(w, r)
		}
	})
	p.door = Door{}
	if got := p.probe(t.Context(), "ours"); !got.Foreign {
		t.Error("a probe by another connector counts as ours")
	}
	if got := p.probe(t.Context(), "theirs"); got.Foreign {
		t.Error("a probe by our connector counts as foreign")
	}
}

func TestProbeWithoutAnswer(t *testing.T) {
	p, srv := newProber(t, saying(200, ""))
	srv.Close()
	if got := p.probe(t.Context(), ""); got.Class != ProbeTimeout {
		t.Errorf("refused connection is %s, want %s", got.Class, ProbeTimeout)
	}
	p.dial = func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "shop.example.com"}}
	}
	got := p.probe(t.Context(), "")
	if got.Class != ProbeDNS || !strings.Contains(got.Meaning, "no such host") {
		t.Errorf("unknown name is %s (%s), want %s", got.Class, got.Meaning, ProbeDNS)
	}
	if strings.Contains(got.Meaning, ProbePath) {
		t.Errorf("meaning %q shows the nonce's address", got.Meaning)
	}
	p.dial = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("unreachable") }
	if got := p.probe(t.Context(), ""); got.Class != ProbeTimeout {
		t.Errorf("unreachable is %s, want %s", got.Class, ProbeTimeout)
	}
}

func TestProbeReadsLittleOfALongAnswer(t *testing.T) {
	p, _ := newProber(t, func(*Nonces) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for range 1 << 20 {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}
	})
	began := time.Now()
	if got := p.probe(t.Context(), ""); got.Class != ProbeOther || time.Since(began) > 2*time.Second {
		t.Errorf("endless answer is %s after %s, want %s at once", got.Class, time.Since(began), ProbeOther)
	}
}

// servingCertificate is an edge over TLS whose certificate lasts for left; roots trust it.
func servingCertificate(t *testing.T, left time.Duration, host string) (*Nonces, *httptest.Server, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test edge"}, NotBefore: time.Now().Add(-90 * 24 * time.Hour), NotAfter: time.Now().Add(left),
		DNSNames: []string{host}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if host == "other.example.com" {
		tmpl.IPAddresses = nil
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	n := &Nonces{}
	srv := httptest.NewUnstartedServer(through("key")(n))
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return n, srv, roots
}

func TestCheck10CertificateThatEndsSoonWarnsAndAnExpiredOneIsTLS(t *testing.T) {
	for name, c := range map[string]struct {
		left time.Duration
		host string
		want ProbeClass
		tell Cause
	}{
		"90 days":    {90 * 24 * time.Hour, "shop.example.com", ProbeReached, ""},
		"5 days":     {5*24*time.Hour + time.Hour, "shop.example.com", ProbeReached, CertExpiring},
		"expired":    {-time.Hour, "shop.example.com", ProbeTLS, TLS},
		"wrong host": {90 * 24 * time.Hour, "other.example.com", ProbeTLS, TLS},
	} {
		t.Run(name, func(t *testing.T) {
			n, srv, roots := servingCertificate(t, c.left, c.host)
			p := prober{url: srv.URL, nonces: n, door: NewDoor("key"), timeout: 5 * time.Second, roots: roots, dial: (&net.Dialer{}).DialContext, now: time.Now}
			got := p.probe(t.Context(), "")
			if got.Class != c.want {
				t.Fatalf("probe is %s (%s), want %s", got.Class, got.Meaning, c.want)
			}
			w := newWorld(t, true).up()
			w.now = time.Now()
			seen := probed{class: got.Class, quote: got.quote, expires: got.NotAfter}
			w.see(seen, seen)
			if c.tell == "" {
				w.wantTold()
			} else {
				w.wantTold("+" + string(c.tell))
			}
			w.wantSpent(0)
		})
	}
}

func TestLocalAnswersAreCapped(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/ready":
			_, _ = w.Write([]byte(`{"status":200,"readyConnections":4,"connectorId":"` + strings.Repeat("x", 2*maxBody) + `"}`))
		case "/config":
			_, _ = w.Write([]byte(`{"version":1,"pad":"` + strings.Repeat("x", maxConfig) + `"}`))
		default:
			http.Redirect(w, r, "/ready", http.StatusFound)
		}
	}))
	defer srv.Close()
	l, addr := newLocal(time.Second), srv.Listener.Addr().String()
	if _, err := l.ready(t.Context(), addr); err == nil || !strings.Contains(err.Error(), "more than 4096 bytes") {
		t.Errorf("long /ready gives %v, want an error of its size", err)
	}
	if _, err := l.config(t.Context(), addr); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("long /config gives %v, want an error of its size", err)
	}
	if _, err := l.diagnosis(t.Context(), addr); err == nil {
		t.Error("a redirect was followed, want an error")
	}
}
