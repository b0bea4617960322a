package gateway

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// openLanes are ways that are beyond what is claimed: a change that only the app knows. On each of them something passes.
var openLanes = map[string]bool{"base32": true, "colon to blank": true, "commas removed": true, "cookie with semicolon quoted": true, "hex with colons": true, "remove word once": true, "reversed": true, "rfc2047": true}

// TestEvasionsOnEveryWayWarm sends words that become SQL by carriers and changes that a skilled attacker would look for, through both doors.
func TestEvasionsOnEveryWayWarm(t *testing.T) {
	k := openKitchen(t)
	k.database.guard.Warm()
	ways := append(codedWays(), bodyWays()...)
	slices.SortStableFunc(ways, func(a, b lane) int { // what passes teaches the door, so that is last
		return strings.Compare(fmt.Sprint(openLanes[a.name]), fmt.Sprint(openLanes[b.name]))
	})
	for i, l := range ways {
		passed, rounds := 0, 1
		if i == 0 {
			rounds = 6 // until the statements are known
		}
		for _, p := range places() {
			k.bake(l.read, p.before, p.after)
			for range rounds {
				for _, word := range p.honest {
					if sql, state := k.ask(t, l.send(word)); isRefused(state) {
						t.Errorf("%s, %s: honest %q was refused", l.name, p.name, sql)
					}
				}
			}
			for _, word := range p.attacks {
				sql, state := k.ask(t, l.send(word))
				switch {
				case isRefused(state):
				case !openLanes[l.name]:
					t.Errorf("%s, %s: %q passed: %s", l.name, p.name, sql, state)
				default:
					passed++
				}
			}
		}
		if openLanes[l.name] && passed == 0 {
			t.Errorf("%s: nothing passed, though it is called open", l.name)
		}
	}
}

func onBody(name, media string, send func(string) string, read func(string) string) lane {
	return lane{name, func(w string) *http.Request { return post(media, send(w)) }, func(r *http.Request) string { return read(string(bodyOf(r))) }}
}

func onHeader(name, header string, send, read func(string) string) lane {
	return lane{name, func(w string) *http.Request { r := get(""); r.Header.Set(header, send(w)); return r }, func(r *http.Request) string { return read(r.Header.Get(header)) }}
}

func jsonQ(s string) string {
	var in struct{ Q string }
	_ = json.Unmarshal([]byte(s), &in)
	return in.Q
}

func same(s string) string { return s }

// onQuery is the lane of a parameter that the client codes and the app reads.
func onQuery(name string, enc, dec func(string) string) lane {
	return lane{name, func(w string) *http.Request { return byQ(enc(w)) }, func(r *http.Request) string { return dec(readQ(r)) }}
}

func reversed(s string) string {
	var out []rune
	for _, r := range s {
		out = append([]rune{r}, out...)
	}
	return string(out)
}

// inside is what stands between the first a and the last b behind it.
func inside(s, a, b string) string {
	_, s, _ = strings.Cut(s, a)
	if i := strings.LastIndex(s, b); i >= 0 {
		return s[:i]
	}
	return s
}

func rep(pairs ...string) func(string) string { return strings.NewReplacer(pairs...).Replace }

func xmlEscaped(s string) string {
	return rep("&", "&amp;", "<", "&lt;", ">", "&gt;", "'", "&apos;", `"`, "&quot;")(s)
}

func xmlPlain(s string) string {
	return rep("&amp;", "&", "&lt;", "<", "&gt;", ">", "&apos;", "'", "&quot;", `"`)(s)
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func ofBase64(s string) string { b, _ := base64.StdEncoding.DecodeString(s); return string(b) }

// codedWays are those of parameters.
func codedWays() []lane {
	return []lane{
		onQuery("quotes swapped double", rep("'", `"`), rep(`"`, "'")),
		onQuery("underscore to blank", rep(" ", "_"), rep("_", " ")),
		onQuery("plus to blank", rep(" ", "+"), rep("+", " ")),
		onQuery("blanks to percent", same, rep("  ", "%")),
		onQuery("html entity no semicolon", rep("'", "&#39"), rep("&#39", "'")),
		onQuery("html hex entity padded", rep("'", "&#x000027;"), rep("&#x000027;", "'")),
		onQuery("x escapes", rep("'", `\x27`), rep(`\x27`, "'")),
		onQuery("doubled json escapes", func(s string) string { return rep("'", `\\u0027`)(s) }, rep(`\\u0027`, "'")),
		onQuery("zero width removed", func(w string) string { return between(w, "\u200b", 1) }, rep("\u200b", "")),
		onQuery("nul removed", func(w string) string { return between(w, "\x00", 1) }, rep("\x00", "")),
		onQuery("non-ascii removed", func(w string) string { return between(w, "é", 1) }, rep("é", "")),
		onQuery("quotes removed", func(w string) string { return between(w, `"`, 1) }, rep(`"`, "")),
		onQuery("backslashes removed", func(w string) string { return between(w, `\`, 1) }, rep(`\`, "")),
		onQuery("newlines removed", func(w string) string { return between(w, "\r\n", 1) }, rep("\r\n", "")),
		onQuery("combining", func(w string) string { return between(w, "\u0301", 1) }, func(s string) string {
			return strings.Map(func(r rune) rune {
				if unicode.Is(unicode.Mn, r) {
					return -1
				}
				return r
			}, s)
		}),
		onQuery("nfkc", func(w string) string {
			return strings.Map(func(r rune) rune {
				if '!' <= r && r <= '~' {
					return r + 0xFEE0
				}
				return r
			}, w)
		}, norm.NFKC.String),
		onQuery("smart quotes", rep("'", "’"), rep("’", "'")),
		onQuery("thin space", rep(" ", "\u2009"), rep("\u2009", " ")),
		onQuery("base64 twice", func(s string) string { return base64Of(base64Of(s)) }, func(s string) string { return ofBase64(ofBase64(s)) }),
		onQuery("base64 with lines", func(s string) string { e := base64Of(s); return between(e, "\n", 8) }, func(s string) string { return ofBase64(rep("\n", "")(s)) }),
		onQuery("base64 of utf16", func(s string) string {
			var b []byte
			for i := range len(s) {
				b = append(b, s[i], 0)
			}
			return base64Of(string(b))
		}, func(s string) string { return rep("\x00", "")(ofBase64(s)) }),
		onQuery("base64 with latin1 byte", func(s string) string { return base64Of(s + " \xe9") }, func(s string) string { return strings.TrimSuffix(ofBase64(s), " \xe9") }),
		onQuery("base64 with nul", func(s string) string { return base64Of(s + "\x00") }, func(s string) string { return strings.TrimSuffix(ofBase64(s), "\x00") }),
		{"%u fullwidth", func(w string) *http.Request { return get("q=" + rep("%27", "%25uff07")(url.QueryEscape(w))) }, func(r *http.Request) string { return rep("%uff07", "'")(readQ(r)) }},
		{"overlong utf8", func(w string) *http.Request { return get("q=" + rep("%27", "%c0%a7")(url.QueryEscape(w))) }, func(r *http.Request) string { return rep("\xc0\xa7", "'")(readQ(r)) }},
		{"query without =", func(w string) *http.Request { return get(url.QueryEscape(w)) }, func(r *http.Request) string { s, _ := url.QueryUnescape(r.URL.RawQuery); return s }},
		{"query after ;", func(w string) *http.Request { return get("a=1;q=" + url.QueryEscape(w)) }, func(r *http.Request) string {
			_, s, _ := strings.Cut(r.URL.RawQuery, ";q=")
			s, _ = url.QueryUnescape(s)
			return s
		}},
		{"matrix params", func(w string) *http.Request {
			return httptest.NewRequest("GET", "/item;id="+url.PathEscape(w)+";x=1/edit", nil)
		}, func(r *http.Request) string { return inside(r.URL.Path, ";id=", ";x=") }},
		{"two parameters and a blank", func(w string) *http.Request {
			i := strings.LastIndex(w, " ")
			if i < 0 {
				i = len(w) / 2
				return get("a=" + url.QueryEscape(w[:i]) + "&b=" + url.QueryEscape(w[i:]))
			}
			return get("a=" + url.QueryEscape(w[:i]) + "&b=" + url.QueryEscape(w[i+1:]) + "&s=1")
		}, func(r *http.Request) string {
			v := r.URL.Query()
			if v.Get("s") == "" {
				return v.Get("a") + v.Get("b")
			}
			return v.Get("a") + " " + v.Get("b")
		}},
		{"three parameters", func(w string) *http.Request {
			n := len(w) / 3
			return get("a=" + url.QueryEscape(w[:n]) + "&b=" + url.QueryEscape(w[n:2*n]) + "&c=" + url.QueryEscape(w[2*n:]))
		}, func(r *http.Request) string { v := r.URL.Query(); return v.Get("a") + v.Get("b") + v.Get("c") }},
		{"one parameter joined by nothing", func(w string) *http.Request {
			v := url.Values{}
			for i := 0; i < len(w); i += 3 {
				v.Add("q", w[i:min(i+3, len(w))])
			}
			return get(v.Encode())
		}, func(r *http.Request) string { return strings.Join(r.URL.Query()["q"], "") }},
		{"q[0] q[1] joined by blanks", func(w string) *http.Request {
			var all []string
			for i, s := range strings.Split(w, " ") {
				all = append(all, fmt.Sprintf("q%%5B%d%%5D=%s", i, url.QueryEscape(s)))
			}
			return get(strings.Join(all, "&"))
		}, func(r *http.Request) string {
			var all []string
			for i := 0; r.URL.Query().Has(fmt.Sprintf("q[%d]", i)); i++ {
				all = append(all, r.URL.Query().Get(fmt.Sprintf("q[%d]", i)))
			}
			return strings.Join(all, " ")
		}},
		onQuery("reversed", reversed, reversed),
		onQuery("base32", func(s string) string { return base32.StdEncoding.EncodeToString([]byte(s)) }, func(s string) string { b, _ := base32.StdEncoding.DecodeString(s); return string(b) }),
		onQuery("hex with colons", func(s string) string { return between(hex.EncodeToString([]byte(s)), ":", 2) }, func(s string) string { b, _ := hex.DecodeString(rep(":", "")(s)); return string(b) }),
		onQuery("rfc2047", func(s string) string { return mime.BEncoding.Encode("utf-8", s+"é") }, func(s string) string {
			d := mime.WordDecoder{}
			x, _ := d.DecodeHeader(s)
			return strings.TrimSuffix(x, "é")
		}),
		onQuery("colon to blank", rep(" ", ":"), rep(":", " ")),
		onQuery("commas removed", func(w string) string { return between(w, "@", 2) }, rep("@", "")),
		onQuery("remove word once", rep("or", "oorr", "select", "selselectect"), func(s string) string { return rep("or", "", "select", "")(s) }),
	}
}
