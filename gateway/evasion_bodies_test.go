package gateway

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
)

// bodyWays are those of bodies and headers.
func bodyWays() []lane {
	return []lane{
		onBody("JSON array joined by blanks", "application/json", func(w string) string { return jsonOf(map[string]any{"q": strings.Split(w, " ")}) }, func(s string) string {
			var in struct{ Q []string }
			_ = json.Unmarshal([]byte(s), &in)
			return strings.Join(in.Q, " ")
		}),
		onBody("JSON in JSON in JSON", "application/json", func(w string) string {
			return jsonOf(map[string]string{"q": jsonOf(map[string]string{"q": jsonOf(map[string]string{"q": w})})})
		}, func(s string) string { return jsonQ(jsonQ(jsonQ(s))) }),
		onBody("JSON with comments", "application/json", func(w string) string { return "{/* it's \"a */\n// b \" c\n\"q\":" + jsonOf(w) + "}" }, func(s string) string {
			_, s, _ = strings.Cut(s, "\"q\":")
			var w string
			_ = json.Unmarshal([]byte(s[:len(s)-1]), &w)
			return w
		}),
		onBody("JSON5 single quotes", "application/json", func(w string) string { return "{q:'" + rep("'", `\'`)(w) + "'}" }, func(s string) string { return rep(`\'`, "'")(inside(s, "{q:'", "'}")) }),
		onBody("JSON bare", "application/json", func(w string) string { return "{q:" + w + "}" }, func(s string) string { return inside(s, "{q:", "}") }),
		onBody("XML called JSON", "application/json", func(w string) string { return "<a><q>" + rep("'", "&#39;", "<", "&lt;", ">", "&gt;")(w) + "</q></a>" }, func(s string) string { return rep("&#39;", "'", "&lt;", "<", "&gt;", ">")(inside(s, "<q>", "</q>")) }),
		onBody("form called JSON", "application/json", func(w string) string { return "a=1&q=" + url.QueryEscape(w) }, func(s string) string { v, _ := url.ParseQuery(s); return v.Get("q") }),
		onBody("URL in JSON", "application/json", func(w string) string {
			return jsonOf(map[string]string{"q": "https://x.example/?a=1&q=" + url.QueryEscape(w) + "&c=3"})
		}, func(s string) string { u, _ := url.Parse(jsonQ(s)); return u.Query().Get("q") }),
		onBody("YAML quoted", "application/yaml", func(w string) string { return "a: 1\nq: '" + rep("'", "''")(w) + "'\nb: 2\n" }, func(s string) string { return rep("''", "'")(inside(s, "q: '", "'\nb:")) }),
		onBody("XML numeric refs", "application/xml", func(w string) string {
			var t strings.Builder
			for _, c := range w {
				fmt.Fprintf(&t, `&#%d;`, c)
			}
			return "<a><q>" + t.String() + "</q></a>"
		}, func(s string) string {
			return xmlOf(post("a", s))
		}),
		onBody("XML DTD entity", "application/xml", func(w string) string {
			return `<!DOCTYPE a [<!ENTITY e "` + rep("<", "&#60;", `"`, "&#34;", "%", "&#37;")(w) + `">]><a><q>&e;</q></a>`
		}, func(s string) string {
			return rep("&#60;", "<", "&#34;", `"`, "&#37;", "%")(inside(s, `ENTITY e "`, `">]>`))
		}),
		onBody("XML utf16", "application/xml", func(w string) string {
			var b []byte
			for _, c := range []byte("<a><q>" + xmlEscaped(w) + "</q></a>") {
				b = append(b, c, 0)
			}
			return "\xff\xfe" + string(b)
		}, func(s string) string {
			return xmlPlain(inside(rep("\x00", "")(s), "<q>", "</q>"))
		}),
		onBody("GraphQL inline", "application/graphql", func(w string) string { return `query { fruit(name: "` + rep(`"`, `\"`)(w) + `") { id } }` }, func(s string) string { return rep(`\"`, `"`)(inside(s, `name: "`, `") {`)) }),
		onBody("GraphQL block string", "application/json", func(w string) string {
			return jsonOf(map[string]any{"query": `{ fruit(name: """` + w + `""") { id } }`})
		}, func(s string) string {
			var in struct{ Query string }
			_ = json.Unmarshal([]byte(s), &in)
			return inside(in.Query, `name: """`, `""") {`)
		}),
		onBody("GraphQL enum arg", "application/json", func(w string) string {
			return jsonOf(map[string]any{"query": `{ fruit(id: ` + w + `) { id } }`})
		}, func(s string) string {
			var in struct{ Query string }
			_ = json.Unmarshal([]byte(s), &in)
			return inside(in.Query, `id: `, `) { id`)
		}),
		onBody("msgpack", "application/msgpack", func(w string) string { return "\x81\xa1q\xd9" + string([]byte{byte(len(w))}) + w }, func(s string) string { return s[5:] }),
		onHeader("JWT claim", "Authorization", func(w string) string {
			return "Bearer " + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(jsonOf(map[string]string{"q": w}))) + ".c2ln"
		}, func(s string) string {
			b, _ := base64.RawURLEncoding.DecodeString(strings.Split(s, ".")[1])
			return jsonQ(string(b))
		}),
		onHeader("no scheme", "Authorization", same, same),
		onHeader("Digest", "Authorization", func(w string) string { return `Digest username="` + w + `", realm="x"` }, func(s string) string { return inside(s, `username="`, `", realm`) }),
		onHeader("cookie with semicolon quoted", "Cookie", func(w string) string { return `q="` + rep(" ", ";")(w) + `"` }, func(s string) string { return rep(";", " ")(inside(s, `q="`, `"`)) }),
		onHeader("cookie serialized pairs", "Cookie", func(w string) string { return "p=" + url.QueryEscape("a=1&q="+url.QueryEscape(w)+"&b=2") }, func(s string) string { s, _ = url.QueryUnescape(s[2:]); v, _ := url.ParseQuery(s); return v.Get("q") }),
		onHeader("cookie signed", "Cookie", func(w string) string {
			return "s=" + base64.RawURLEncoding.EncodeToString([]byte(jsonOf(map[string]string{"q": w}))) + ".Zm9v.c2lnbmF0dXJl"
		}, func(s string) string {
			b, _ := base64.RawURLEncoding.DecodeString(strings.Split(s[2:], ".")[0])
			return jsonQ(string(b))
		}),
		onHeader("cookie signed with --", "Cookie", func(w string) string { return "s=" + base64Of(jsonOf(map[string]string{"q": w})) + "--c2lnbmF0dXJl" }, func(s string) string { return jsonQ(ofBase64(strings.Split(s[2:], "--")[0])) }),
		onHeader("header rfc5987", "X-Filter", func(w string) string { return "UTF-8''" + url.PathEscape(w) }, func(s string) string { s, _ = url.PathUnescape(strings.TrimPrefix(s, "UTF-8''")); return s }),
		onHeader("Referer path", "Referer", func(w string) string { return "https://x.example/a/" + url.PathEscape(w) + "/b" }, func(s string) string { u, _ := url.Parse(s); return inside(u.Path, "/a/", "/b") }),
		onHeader("Content-Type param", "Content-Type", func(w string) string { return "text/plain; q=" + url.QueryEscape(w) }, func(s string) string { _, s, _ = strings.Cut(s, "q="); s, _ = url.QueryUnescape(s); return s }),
	}
}
