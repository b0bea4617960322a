package middleware

import (
	"net/http"
	"net/textproto"
	"strings"
	"testing"
)

// FuzzForgedHeader sends one header of any name from a peer that is not trusted: whatever its spelling, no app may take it
// for what we say of the client.
func FuzzForgedHeader(f *testing.F) {
	for _, seed := range []string{"X-Forwarded-For", "x_forwarded_for", "X.Real.IP", "CF_Connecting.IP", "Forwarded", "X-Csp_Nonce", "Cf-Ray", "Accept", "X_Request-Id"} {
		f.Add(seed)
	}
	id, err := newIdentity(Defaults().ClientIP, "X-CSP-Nonce")
	if err != nil {
		f.Fatal(err)
	}
	asCGI := func(name string) string {
		return strings.NewReplacer("-", "_", ".", "_").Replace(strings.ToUpper(name))
	}
	ours := map[string]bool{asCGI(id.header): true, asCGI(id.nonce): true}
	for name := range spoofable {
		ours[asCGI(name)] = true
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !isToken(name) {
			return
		}
		h := http.Header{textproto.CanonicalMIMEHeaderKey(name): {"forged"}}
		id.strip(h, &client{})
		for left := range h {
			if cgi := asCGI(left); ours[cgi] || strings.HasPrefix(cgi, "CF_") {
				t.Errorf("%q passed as %q, which an app reads as HTTP_%s", name, left, cgi)
			}
		}
	})
}

func BenchmarkStrip(b *testing.B) {
	id, err := newIdentity(Defaults().ClientIP, "X-CSP-Nonce")
	if err != nil {
		b.Fatal(err)
	}
	h := cloudflared()
	delete(h, "X-Forwarded-For")
	delete(h, "X-Forwarded-Proto")
	c := client{trusted: true, named: true}
	b.ReportAllocs()
	for b.Loop() {
		id.strip(h, &c)
	}
}
