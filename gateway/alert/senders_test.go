package alert

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/gateway/journal"
)

func sample() Event {
	return Event{At: noon, Cause: "ROUTE_LOST", State: Opened, Severity: journal.Critical, Summary: "status 530", Since: noon, Detail: map[string]string{"code": "1033"}}
}

func TestWebhookIsSigned(t *testing.T) {
	hook := newSink(t)
	w := webhook{set: WebhookSettings{URLFile: secretFile(t, hook.URL), SecretFile: secretFile(t, "key")}, source: "shop", post: newClients(nil, nil).post}
	if err := w.Send(t.Context(), sample()); err != nil {
		t.Fatal(err)
	}
	got := hook.heads[0].Get("X-Sallyport-Signature")
	if want := signature("key", "1772539200", hook.bodies[0]); got != want {
		t.Errorf("signature is %q, want %q", got, want)
	}
	var body map[string]any
	if err := json.Unmarshal(hook.bodies[0], &body); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"schema", "source", "title", "at", "cause", "state", "severity", "summary", "since", "lastedMs", "detail"} {
		if _, ok := body[key]; !ok {
			t.Errorf("body %s lacks %q", hook.bodies[0], key)
		}
	}
}

func TestWebhookAddressIsNeverShown(t *testing.T) {
	for _, address := range []string{"https://127.0.0.1:1/T000/B000/hushhush", "http://example.com/hushhush", "https://127.0.0.1:1/%zzhushhush"} {
		s := slack{file: secretFile(t, address), post: newClients(nil, nil).post}
		err := s.Send(t.Context(), sample())
		if err == nil || strings.Contains(err.Error(), "hushhush") {
			t.Errorf("error is %v, want one without the address", err)
		}
	}
}

func TestRedirectIsARefusal(t *testing.T) {
	hook := newSink(t)
	hook.Config.Handler = http.RedirectHandler("/elsewhere", http.StatusFound)
	err := newClients(nil, nil).post(t.Context(), hook.URL, nil, nil)
	if err == nil || !strings.Contains(err.Error(), "302") {
		t.Errorf("error is %v, want the redirect's status", err)
	}
}

// certified returns a certificate for names and a pool that trusts it.
func certified(t *testing.T, names ...string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

func TestMailUsesSTARTTLSAndLogin(t *testing.T) {
	cfg, pool := certified(t)
	srv := newSMTP(t, cfg, "gate@example.com", "hush")
	m := email{set: EmailSettings{SMTP: srv.addr(), From: "gate@example.com", To: []string{"ops@example.com"}, PasswordFile: secretFile(t, "hush")}, source: "shop", roots: pool}
	if err := m.Send(t.Context(), sample()); err != nil {
		t.Fatal(err)
	}
	got := srv.taken()
	if len(got) != 1 || !got[0].encrypted || !strings.Contains(got[0].body, "status 530") || !strings.Contains(got[0].body, "Auto-Submitted: auto-generated") {
		t.Errorf("mail is %+v, want one, encrypted", got)
	}
	m.set.PasswordFile = secretFile(t, "wrong-password")
	err := m.Send(t.Context(), sample())
	if err == nil || strings.Contains(err.Error(), "wrong-password") {
		t.Errorf("error is %v, want a refusal that does not show the password", err)
	}
}

func TestMailOffLoopbackIsEncryptedOrNotSent(t *testing.T) {
	srv := newSMTP(t, nil)
	_, port, _ := cutPort(srv.addr())
	m := email{set: EmailSettings{SMTP: "loopback.test:" + port, From: "gate@example.com", To: []string{"ops@example.com"}}}
	c, err := m.client()
	if err != nil {
		t.Fatal(err)
	}
	if got := c.TLSPolicy(); got != "TLSMandatory" {
		t.Errorf("policy off loopback is %s, want TLSMandatory", got)
	}
}

func TestHeaderInjectionIsHarmless(t *testing.T) {
	srv := newSMTP(t, nil)
	e := sample()
	e.Cause = "X\r\nBcc: victim@example.com\r\n\r\nbody"
	m := email{set: EmailSettings{SMTP: srv.addr(), From: "gate@example.com", To: []string{"ops@example.com"}}}
	if err := m.Send(t.Context(), e); err == nil {
		head, _, _ := strings.Cut(srv.taken()[0].body, "\r\n\r\n")
		for line := range strings.SplitSeq(head, "\r\n") {
			if strings.HasPrefix(line, "Bcc:") {
				t.Errorf("mail has a header line of the event: %q", line)
			}
		}
	}
}

func TestHeartbeatPausesWhileAMessageIsStuck(t *testing.T) {
	hook := newSink(t)
	s := Defaults()
	s.HeartbeatURL, s.HeartbeatEvery = hook.URL+"/beat", time.Second
	now := noon
	d := New(s, Options{Now: func() time.Time { return now }})
	stop := running(t, d)
	eventually(t, "a beat", func() bool { _, asked := hook.count(); return asked > 0 })
	eventually(t, "noted", func() bool { return d.Snapshot().Heartbeat.Equal(noon) })
	stop()
	d.queue.add(Event{At: now}, []string{"email"})
	if d.stuck() {
		t.Error("stuck at once, want after ten minutes")
	}
	now = now.Add(stuckAfter + 1)
	if !d.stuck() {
		t.Error("not stuck after ten minutes")
	}
}

func TestUnusualIsToldInWords(t *testing.T) {
	tuesday := time.Date(2026, 3, 3, 14, 0, 0, 0, time.UTC)
	past := []float64{100, 104, 96, 101, 99, 103, 5000} // one odd day does not move the median
	for _, c := range []struct {
		s    Series
		want string
	}{
		{Series{Name: "requests", Now: 414, Past: past}, "requests 4.1 × the usual Tuesday 14:00"},
		{Series{Name: "requests", Now: 110, Past: past}, ""},
		{Series{Name: "requests", Now: 10, Past: past}, ""},
		{Series{Name: "requests", Now: 10, Past: past, Drops: true}, "requests 0.1 × the usual Tuesday 14:00"},
		{Series{Name: "requests", Now: 9999, Past: past[:3]}, ""},
		{Series{Name: "refusals", Now: 40, Past: []float64{0, 0, 0, 0}, Floor: 5}, "refusals where there are usually none at Tuesday 14:00"},
		{Series{Name: "refusals", Now: 10, Past: []float64{0, 0, 0, 0}, Floor: 5}, ""},
		{Series{Name: "query latency", Now: 30, Past: []float64{10, 10, 10, 10}}, "query latency 3.0 × the usual Tuesday 14:00"},
	} {
		got := ""
		c.s.Weekly = true
		if f := Faults(tuesday, []Series{c.s}); len(f) == 1 {
			got = f[0].Summary
		}
		if got != c.want {
			t.Errorf("%s at %v beside %v gives %q, want %q", c.s.Name, c.s.Now, c.s.Past, got, c.want)
		}
	}
}

func TestAnomalyCauseIsOneWordPerSeries(t *testing.T) {
	if got := AnomalyCause("query latency"); got != "ANOMALY_QUERY_LATENCY" {
		t.Errorf("cause is %s, want ANOMALY_QUERY_LATENCY", got)
	}
}

func TestSenderHonoursItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := senderFunc(func(ctx context.Context, _ Event) error { <-ctx.Done(); return ctx.Err() })
		d := New(Defaults(), Options{Channels: []Channel{{"slow", slow}}})
		began := time.Now()
		got := d.Test(t.Context())
		if took := time.Since(began); took != sendLimit || got["slow"] == nil {
			t.Errorf("Test took %s with %v, want %s and an error", took, got, sendLimit)
		}
	})
}

type senderFunc func(context.Context, Event) error

func (f senderFunc) Send(ctx context.Context, e Event) error { return f(ctx, e) }
