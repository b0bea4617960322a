package crossdoor

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// multi is a multipart body of one part with these header lines, which end as the rest does.
func multi(end string, head string, text string) *http.Request {
	return request("POST", "/", "multipart/form-data; boundary=b", strings.ReplaceAll("--b\n"+head+"\n\n"+text+"\n--b--\n", "\n", end))
}

// bearing is a request with a header.
func bearing(name, text string) *http.Request {
	r := request("GET", "/", "", "")
	r.Header[name] = []string{text}
	return r
}

// wide is text in UTF-16.
func wide(text string) string {
	var out strings.Builder
	for i := range len(text) {
		out.WriteByte(text[i])
		out.WriteByte(0)
	}
	return out.String()
}

func packed(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// TestInputsAreReadAsLenientAppsReadThem sends what is not quite as it should be, which frameworks read all the same.
func TestInputsAreReadAsLenientAppsReadThem(t *testing.T) {
	const field = `Content-Disposition: form-data; name="q"`
	method := request("GET", "/", "", "")
	method.Method = "X'||NAME||'"
	for _, tc := range []struct {
		name string
		r    *http.Request
		want string
	}{
		{"multipart, lines end in LF", multi("\n", field, "x' or 1"), "multipart q x' or 1"},
		{"multipart, quoted-printable", multi("\r\n", field+"\nContent-Transfer-Encoding: quoted-printable", "x=27 =\nor 1"), "multipart q x' or 1"},
		{"multipart, broken quoted-printable", multi("\r\n", field+"\nContent-Transfer-Encoding: quoted-printable", "x' or 1=\x01"), "multipart q x' or 1="},
		{"multipart, a part's type", multi("\r\n", field+"\nContent-Type: x' or 1--", "a"), "multipart (header) x' or 1--"},
		{"multipart, a broken file name", multi("\r\n", `Content-Disposition: form-data; name="f"; filename=x' or 1`, "a"), `multipart (header) form-data; name="f"; filename=x' or 1`},
		{"multipart, repeated", request("POST", "/", "multipart/form-data; boundary=b", "--b\r\n"+field+"\r\n\r\n1\r\n--b\r\n"+field+"\r\n\r\nor 2\r\n--b--\r\n"), "multipart q 1 or 2"},
		{"markup called JSON", request("POST", "/", "application/json", "<a>x' or 1</a>"), "body  x' or 1"},
		{"a form called JSON", request("POST", "/", "application/json", "a=1&q=x%27+or+1"), "form q x' or 1"},
		{"JSON called JSON is no text", request("POST", "/", "application/json", ` {"q":"x' or 1"}`), "json q x' or 1"},
		{"markup in UTF-16", request("POST", "/", "text/xml", "\xff\xfe"+wide("<a>x' or 1</a>")), "body  x' or 1"},
		{"other quotes in JSON", request("POST", "/", "application/json", `{q:'x\' or 1'}`), `json  {q:'x' or 1'}`},
		{"no quotes in GraphQL", request("POST", "/", "application/graphql", `{ a(id: 1 or 2) { b(c: "d") } }`), "json  { a(id: 1 or 2) { b(c:"},
		{"a list of JSON", request("POST", "/", "application/json", `{"q":["1","or",[],"2 or","3"],"r":["4","or 5"]}`), "json r 4 or 5"},
		{"numbered names", request("GET", "/?q[0]=1&q[1]=or&q[10]=2", "", ""), "query q 1 or 2"},
		{"names with brackets", request("GET", "/?q[]=1&q[]=or&q[]=2", "", ""), "query q 1 or 2"},
		{"a name sixty times", request("GET", "/?"+strings.Repeat("q=1&", 60)+"q=or&q=2", "", ""), "query q " + strings.Repeat("1 ", 60) + "or 2"},
		{"no scheme", bearing("Authorization", "1 or 2"), "header Authorization 1 or 2"},
		{"a cookie in quotes", bearing("Cookie", `q="x' or 1"`), "cookie q x' or 1"},
		{"a semicolon in quotes", bearing("Cookie", `q="x';select 1"`), `cookie  q="x';select 1"`},
		{"a signed cookie", bearing("Cookie", "q="+packed(`{"a":"x' or 1"}`)+".Zm9v.c2ln"), "cookie q x' or 1"},
		{"a cookie signed otherwise", bearing("Cookie", "q="+packed(`{"a":"x' or 1"}`)+"--c2ln"), "cookie q x' or 1"},
		{"escapes in what browsers set", bearing("Origin", "https://x%27or%201"), "header Origin https://x'or 1"},
		{"a method", method, "header (method) x'||name||'"},
		{"a header's name", bearing("X-'||Name||'", "1"), "header (key) x-'||name||'"},
		{"base64 in lines", request("GET", "/?q="+strings.Replace(packed("x' or 1=1 or 2"), "I", "%0d%0aI", 1), "", ""), "query q x' or 1=1 or 2"},
		{"base64 of UTF-16", request("GET", "/?q="+packed(wide("x' or 1")), "", ""), "query q x' or 1"},
		{"base64 with a NUL", request("GET", "/?q="+packed("x' or 1\x00"), "", ""), "query q x' or 1"},
		{"base64 with half a letter", request("GET", "/?q="+packed("x' or 1 or 2\xe9"), "", ""), "query q x' or 1 or 2"},
		{"letters that a filter takes out", request("GET", "/?q=x%c3%a9'o%c3%a9r+1", "", ""), "query q x'or 1"},
	} {
		kept, _, _ := through(t, Defaults(), tc.r)
		if !slices.Contains(kept, tc.want) {
			t.Errorf("%s: kept %q, want %q among them", tc.name, kept, tc.want)
		}
	}
}

// TestHonestBodiesAreNoMoreThanTheirInputs counts the inputs of bodies as they should be: reading leniently must not make two of one.
func TestHonestBodiesAreNoMoreThanTheirInputs(t *testing.T) {
	for _, tc := range []struct {
		name string
		r    *http.Request
		want int
	}{
		{"JSON", request("POST", "/", "application/json", `{"a":"b c","n":[1,-2.5e+3,true,false,null],"o":{"d":"e f"}}`), 2},
		{"a list of names", request("POST", "/", "application/json", `{"tags":["red","green"]}`), 1},
		{"a form", request("POST", "/", "application/x-www-form-urlencoded", "a=b c&d=e f"), 2},
		{"multipart", multi("\r\n", "Content-Disposition: form-data; name=\"f\"; filename=\"a b\"\nContent-Type: image/png", "\x89PNG\x00"), 1},
		{"binary in base64", request("GET", "/?q="+packed("\x89PNG\x00\x01\x02\xff\xfe\xfd\x00\x10\x80\x90"), "", ""), 2},
	} {
		if kept, _, _ := through(t, Defaults(), tc.r); len(kept) > tc.want {
			t.Errorf("%s: kept %q, want %d at most", tc.name, kept, tc.want)
		}
	}
}
