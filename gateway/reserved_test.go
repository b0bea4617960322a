package gateway

import (
	"net/url"
	"testing"
)

func TestReservedPathsAreKnownInEverySpelling(t *testing.T) {
	for _, p := range []string{
		"/api/hardening", "/api/hardening/", "/api/hardening/metrics", "//api/hardening/metrics", "/api//hardening///metrics",
		"/API/Hardening/metrics", "/api/hardening/metrics/", "/api%2Fhardening%2fmetrics", "/api/%68ardening/metrics",
		"/api/hardenin%67/metrics", "/%61pi/hardening", "/x/../api/hardening/metrics", "/%2e/api/hardening", "/x/%2e%2e/api/hardening",
		"/api/./hardening/metrics", "/api;v=1/hardening;a=b/metrics", "/api/hardening;/metrics", `/api\hardening\metrics`,
		"/api%5Chardening", "/api%252Fhardening", "/api%25252Fhardening", "/api/hardening%20/metrics", "/api/hardening%00", "/api/hardening.json", "/%ff/..//api/hardening",
	} {
		if u, err := url.ParseRequestURI(p); err != nil || !isReserved(u) {
			t.Errorf("%s: got not reserved (%v), want reserved", p, err)
		}
	}
}

func TestOtherPathsAreTheApps(t *testing.T) {
	for _, p := range []string{"/", "/api", "/api/products", "/api/hardeningx", "/hardening/metrics", "/docs/api/hardening", "/api/hardening/../products", "/100%25", "/%zz%"} {
		u := &url.URL{Path: p}
		if parsed, err := url.ParseRequestURI(p); err == nil {
			u = parsed
		}
		if isReserved(u) {
			t.Errorf("%s: got reserved, want the app's", p)
		}
	}
}

func FuzzReserved(f *testing.F) {
	f.Add("/api/%68ardening")
	f.Add("/..%5c../%")
	f.Fuzz(func(t *testing.T, p string) {
		u, err := url.ParseRequestURI(p)
		if err != nil {
			return
		}
		if u.Path == "/api/hardening/metrics" && !isReserved(u) {
			t.Errorf("%q decodes to the reserved path and was let through", p)
		}
	})
}

func BenchmarkReserved(b *testing.B) {
	u, err := url.ParseRequestURI("/products/42/reviews?page=3")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if isReserved(u) {
			b.Fatal("reserved")
		}
	}
}
