package middleware

import "testing"

func TestLogsHoldNoWordsThatMayBeValues(t *testing.T) {
	for in, want := range map[string]string{
		"/": "/", "/api/v1/products/7": "/api/v1/products/7", "/~me/a.b-c_d/@x:1": "/~me/a.b-c_d/@x:1", "/größe": "/größe", "/a b": "/*",
		"/items/x' or 'a'='a/edit": "/items/*/edit", "/1;drop": "/*", "": "", "*": "*", "/a\n/b": "/*/b",
	} {
		if got := PlainPath(in); got != want {
			t.Errorf("path %q: got %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]bool{"q": true, "filter[a]": true, "filter%5Ba%5d": true, "a.b-c_d": true, "x'": false, "a%20b": false, "a b": false, "a%": false, "a%5": false, "": true} {
		if got := isUsualName(in); got != want {
			t.Errorf("name %q: usual is %v, want %v", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36",
		"Googlebot/2.1 (+http://www.google.com/bot.html)":                                                   "Googlebot/2.1 (+http://www.google.com/bot.html)",
		"x' or 1": unusual, "1 or 1=1": unusual, "1 -- x": unusual, "<script>": unusual, "": "",
	} {
		if got := plainAgent(in); got != want {
			t.Errorf("agent %q: got %q, want %q", in, got, want)
		}
	}
}
