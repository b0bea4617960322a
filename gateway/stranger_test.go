package gateway

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf16"

	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sallyport/dbguard"
	"sallyport/dbguard/screen"
	"sallyport/gateway/crossdoor"
)

// lane is one way from a request's bytes into a statement: how a visitor's word gets into a request, and what the app makes of it.
type lane struct {
	name string
	// send makes the request that carries a word; the app is given what it got by then.
	send func(word string) *http.Request
	// read is how the app takes the word out of the request, its own changes included.
	read func(r *http.Request) string
}

// get is a request with a query, post one with a body.
func get(query string) *http.Request {
	return httptest.NewRequest(http.MethodGet, "/search?"+query, nil)
}

func post(media string, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/search", strings.NewReader(body))
	r.Header.Set("Content-Type", media)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

func bodyOf(r *http.Request) []byte {
	text, _ := io.ReadAll(r.Body)
	return text
}

func jsonOf(v any) string {
	text, _ := json.Marshal(v)
	return string(text)
}

// query is the lane that most apps have; change is what the app does with the word.
func query(name string, change func(string) string) lane {
	return lane{name: name, send: func(w string) *http.Request { return get("q=" + url.QueryEscape(w)) }, read: func(r *http.Request) string { return change(r.URL.Query().Get("q")) }}
}

func unescaped(s string, times int) string {
	for range times {
		if next, err := url.QueryUnescape(s); err == nil {
			s = next
		}
	}
	return s
}

var tags, comments, controls = regexp.MustCompile(`<[^>]*>`), regexp.MustCompile(`(?s)/\*.*?\*/`), regexp.MustCompile(`[\x00-\x1f]+`)

// between puts what belongs into every few letters of w, so that no longer piece of it stays.
func between(w, what string, every int) string {
	var out strings.Builder
	for i, r := range w {
		if i > 0 && i%every == 0 {
			out.WriteString(what)
		}
		out.WriteRune(r)
	}
	return out.String()
}

// quotedOnly are headers that browsers set: read only where they have what leaves a literal.
var quotedOnly = map[string]bool{"Accept": true, "Origin": true, "Sec-Ch-Ua": true, "If-None-Match": true}

// lanes are the ways that a stranger would try.
func lanes() []lane {
	return slices.Concat(changedLanes(), codedLanes(), placedLanes(), bodyLanes(), headerLanes())
}

// changedLanes are those of apps that change the word.
func changedLanes() []lane {
	return []lane{
		query("as it is", func(s string) string { return s }),
		query("trimmed and lower", func(s string) string { return strings.ToLower(strings.TrimSpace(s)) }),
		query("upper", strings.ToUpper),
		query("blanks collapsed", func(s string) string { return strings.Join(strings.Fields(s), " ") }),
		query("behind a prefix and before a suffix", func(s string) string {
			_, s, _ = strings.Cut(s, "~")
			return strings.TrimSuffix(s, "~end")
		}),
		{"double encoding", func(w string) *http.Request { return get("q=" + url.QueryEscape(url.QueryEscape(w))) }, func(r *http.Request) string { return unescaped(r.URL.Query().Get("q"), 1) }},
		{"triple encoding", func(w string) *http.Request { return get("q=" + url.QueryEscape(url.QueryEscape(url.QueryEscape(w)))) }, func(r *http.Request) string { return unescaped(r.URL.Query().Get("q"), 2) }},
		{"tags stripped", func(w string) *http.Request { return get("q=" + url.QueryEscape(between(w, "<b></b>", 2))) }, func(r *http.Request) string { return tags.ReplaceAllString(r.URL.Query().Get("q"), "") }},
		{"comments stripped", func(w string) *http.Request { return get("q=" + url.QueryEscape(between(w, "/*x*/", 2))) }, func(r *http.Request) string { return comments.ReplaceAllString(r.URL.Query().Get("q"), "") }},
		{"control bytes stripped", func(w string) *http.Request { return get("q=" + url.QueryEscape(between(w, "\x00", 3))) }, func(r *http.Request) string { return controls.ReplaceAllString(r.URL.Query().Get("q"), "") }},
	}
}

// codedLanes are those in which the word is coded, or stands where few look for it.
func codedLanes() []lane {
	return []lane{
		{"base64 in JSON", func(w string) *http.Request {
			return post("application/json", jsonOf(map[string]any{"filter": map[string]string{"q": base64.StdEncoding.EncodeToString([]byte(w))}}))
		}, func(r *http.Request) string {
			var in struct{ Filter struct{ Q []byte } }
			_ = json.Unmarshal(bodyOf(r), &in)
			return string(in.Filter.Q)
		}},
		{"hex", func(w string) *http.Request { return get("q=" + strings.ToUpper(hex.EncodeToString([]byte(w)))) }, func(r *http.Request) string { b, _ := hex.DecodeString(r.URL.Query().Get("q")); return string(b) }},
		{"JSON in base64 in a cookie", func(w string) *http.Request {
			r := get("")
			r.AddCookie(&http.Cookie{Name: "prefs", Value: base64.URLEncoding.EncodeToString([]byte(jsonOf(map[string]string{"q": w})))})
			return r
		}, func(r *http.Request) string {
			c, _ := r.Cookie("prefs")
			b, _ := base64.URLEncoding.DecodeString(c.Value)
			var in struct{ Q string }
			_ = json.Unmarshal(b, &in)
			return in.Q
		}},
		{"escapes in JSON", func(w string) *http.Request {
			var text strings.Builder
			for _, c := range w {
				fmt.Fprintf(&text, `\u%04x`, c)
			}
			return post("application/json", `{"q":"`+text.String()+`"}`)
		}, func(r *http.Request) string {
			var in struct{ Q string }
			_ = json.Unmarshal(bodyOf(r), &in)
			return in.Q
		}},
		{"JSON in UTF-16", func(w string) *http.Request {
			var wide []byte
			for _, c := range utf16.Encode([]rune(jsonOf(map[string]string{"q": w}))) {
				wide = binary.LittleEndian.AppendUint16(wide, c)
			}
			return post("application/json; charset=utf-16le", string(wide))
		}, func(r *http.Request) string {
			var units []uint16
			for b := bodyOf(r); len(b) > 1; b = b[2:] {
				units = append(units, binary.LittleEndian.Uint16(b))
			}
			var in struct{ Q string }
			_ = json.Unmarshal([]byte(string(utf16.Decode(units))), &in)
			return in.Q
		}},
		{"JSON called a form", func(w string) *http.Request {
			return post("application/x-www-form-urlencoded", jsonOf(map[string]string{"a": "1", "q": w}))
		}, func(r *http.Request) string {
			var in struct{ Q string }
			_ = json.Unmarshal(bodyOf(r), &in)
			return in.Q
		}},
		{"a data URL", func(w string) *http.Request {
			return post("application/json", jsonOf(map[string]string{"q": "data:text/plain;base64," + base64.StdEncoding.EncodeToString([]byte(w))}))
		}, func(r *http.Request) string {
			var in struct{ Q string }
			_ = json.Unmarshal(bodyOf(r), &in)
			_, text, _ := strings.Cut(in.Q, ",")
			b, _ := base64.StdEncoding.DecodeString(text)
			return string(b)
		}},
		{"octal escapes in a cookie", func(w string) *http.Request {
			var text strings.Builder
			for i := range len(w) {
				fmt.Fprintf(&text, `\%03o`, w[i])
			}
			r := get("")
			r.Header.Set("Cookie", `name="`+text.String()+`"; theme=dark`)
			return r
		}, func(r *http.Request) string {
			text, _, _ := strings.Cut(r.Header.Get("Cookie"), ";")
			text = strings.Trim(strings.TrimPrefix(text, "name="), `"`)
			var out []byte
			for ; len(text) > 3; text = text[4:] {
				n, _ := strconv.ParseUint(text[1:4], 8, 8)
				out = append(out, byte(n))
			}
			return string(out)
		}},
		{"a key of JSON", func(w string) *http.Request { return post("application/json", jsonOf(map[string]int{w: 1})) }, func(r *http.Request) string {
			in := map[string]int{}
			_ = json.Unmarshal(bodyOf(r), &in)
			for key := range in {
				return key
			}
			return ""
		}},
		{"a nested name", func(w string) *http.Request { return get("filter%5B" + url.QueryEscape(w) + "%5D%5Blike%5D=1") }, func(r *http.Request) string {
			for name := range r.URL.Query() {
				name = strings.TrimPrefix(name, "filter[")
				return name[:strings.LastIndex(name, "][")]
			}
			return ""
		}},
		{"halves in two parameters", func(w string) *http.Request {
			return get("a=" + url.QueryEscape(w[:len(w)/2]) + "&b=" + url.QueryEscape(w[len(w)/2:]))
		}, func(r *http.Request) string { return r.URL.Query().Get("a") + r.URL.Query().Get("b") }},
		{"one parameter many times", func(w string) *http.Request {
			return get("q=" + strings.ReplaceAll(url.QueryEscape(w), "%2C", "&q="))
		}, func(r *http.Request) string { return strings.Join(r.URL.Query()["q"], ",") }},
	}
}

// placedLanes are those in which the word is a part of something longer.
func placedLanes() []lane {
	return []lane{
		{"a path segment", func(w string) *http.Request {
			return httptest.NewRequest(http.MethodGet, "/item/"+url.PathEscape(w)+"/edit", nil)
		}, func(r *http.Request) string {
			return strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/item/"), "/edit")
		}},
		{"a slug with the id at its end", func(w string) *http.Request {
			return httptest.NewRequest(http.MethodGet, "/red-hammer~"+url.PathEscape(w)+".html", nil)
		}, func(r *http.Request) string {
			_, s, _ := strings.Cut(r.URL.Path, "~")
			return strings.TrimSuffix(s, ".html")
		}},
		{"words of a slug", func(w string) *http.Request {
			return httptest.NewRequest(http.MethodGet, "/tag/"+url.PathEscape(strings.ReplaceAll(w, " ", "-")), nil)
		}, func(r *http.Request) string {
			return strings.ReplaceAll(strings.TrimPrefix(r.URL.Path, "/tag/"), "-", " ")
		}},
		{"Referer", func(w string) *http.Request {
			r := get("")
			r.Header.Set("Referer", "https://search.example/?hl=de&q="+url.QueryEscape(w)+"&x=1")
			return r
		}, func(r *http.Request) string { u, _ := url.Parse(r.Referer()); return u.Query().Get("q") }},
		{"Basic", func(w string) *http.Request {
			r := get("")
			r.SetBasicAuth("admin", w)
			return r
		}, func(r *http.Request) string { _, password, _ := r.BasicAuth(); return password }},
	}
}

// bodyLanes are bodies of many kinds.
func bodyLanes() []lane {
	all := []lane{
		{"markup", func(w string) *http.Request { return post("text/xml", "<a><q>"+html.EscapeString(w)+"</q></a>") }, xmlOf},
		{"CDATA", func(w string) *http.Request { return post("text/xml", "<a><!-- it's --><q><![CDATA["+w+"]]></q></a>") }, xmlOf},
		{"a cell of a table", func(w string) *http.Request { return post("text/csv", "id;name;stars\n1;"+w+";5\n2;hammer;4\n") }, func(r *http.Request) string {
			line := strings.Split(string(bodyOf(r)), "\n")[1]
			return strings.TrimSuffix(strings.TrimPrefix(line, "1;"), ";5")
		}},
		{"what stands between two marks", func(w string) *http.Request { return get("q=" + url.QueryEscape("see {{"+w+"}} and more")) }, func(r *http.Request) string {
			_, s, _ := strings.Cut(r.URL.Query().Get("q"), "{{")
			return s[:strings.LastIndex(s, "}}")]
		}},
		{"a binary message", func(w string) *http.Request {
			return post("application/x-protobuf", "\x0a"+string(rune(len(w)%120+1))+w+"\x10\x00\x01\x02")
		}, func(r *http.Request) string { b := bodyOf(r); return string(b[2 : len(b)-4]) }},
		{"fullwidth, narrowed by the app", func(w string) *http.Request {
			wide := strings.Map(func(r rune) rune {
				if '!' <= r && r <= '~' {
					return r + 0xFEE0
				}
				return r
			}, w)
			return get("q=" + url.QueryEscape(wide))
		}, func(r *http.Request) string {
			return strings.Map(func(r rune) rune {
				if r >= 0xFF01 && r <= 0xFF5E {
					return r - 0xFEE0
				}
				return r
			}, r.URL.Query().Get("q"))
		}},
	}
	for _, coding := range []string{"gzip", "deflate"} {
		all = append(all, lane{coding, func(w string) *http.Request {
			var packed bytes.Buffer
			var z io.WriteCloser = gzip.NewWriter(&packed)
			if coding == "deflate" {
				z = zlib.NewWriter(&packed)
			}
			_, _ = io.WriteString(z, jsonOf(map[string]string{"q": w}))
			_ = z.Close()
			return post("application/json", packed.String(), "Content-Encoding", coding)
		}, func(r *http.Request) string {
			var z io.Reader
			if coding == "gzip" {
				z, _ = gzip.NewReader(r.Body)
			} else {
				z, _ = zlib.NewReader(r.Body)
			}
			var in struct{ Q string }
			_ = json.NewDecoder(z).Decode(&in)
			return in.Q
		}})
	}
	for _, odd := range []string{"", "\x00"} {
		all = append(all, lane{fmt.Sprintf("multipart with %q in it", odd), func(w string) *http.Request {
			var form bytes.Buffer
			mw := multipart.NewWriter(&form)
			_ = mw.WriteField("q", odd+w)
			_ = mw.Close()
			return post(mw.FormDataContentType(), form.String())
		}, func(r *http.Request) string { return strings.TrimFunc(r.FormValue("q"), unicode.IsControl) }})
	}
	return all
}

// headerLanes are headers that apps log.
func headerLanes() (all []lane) {
	for _, header := range []string{"Accept", "Origin", "Sec-Ch-Ua", "If-None-Match", "User-Agent", "X-Api-Version"} {
		all = append(all, lane{header, func(w string) *http.Request {
			r := get("")
			r.Header.Set(header, w)
			return r
		}, func(r *http.Request) string { return r.Header.Get(header) }})
	}
	return all
}

func xmlOf(r *http.Request) string {
	var in struct {
		Q string `xml:"q"`
	}
	_ = xml.Unmarshal(bodyOf(r), &in)
	return in.Q
}

// places are where the app puts the word, with words that become SQL there and that no rule alone refuses.
func places() []struct {
	name, before, after string
	honest              []string
	attacks             []string
} {
	return []struct {
		name, before, after string
		honest              []string
		attacks             []string
	}{
		{"string", "select id, name from fruit where name = '", "' and shop = 1", []string{"hammer", "red hammer", "it is 5 > 3"},
			[]string{"x' or name > 'a", "x' and length(name) > 3 and 'a' < name||'", "x'||(select name from fruit limit 1)||'"}},
		{"number", "select id, name from fruit where id = ", " and shop = 1", []string{"1", "42", "7"}, []string{"1 or id > 0", "(select max(id) from fruit)", "1-(id)"}},
		{"list", "select id, name from fruit where id in (", ") and shop = 1", []string{"1,2", "1,2,3", "4"}, []string{"1) or id in (2", "1,(select max(id) from fruit)"}},
	}
}

// stranger is the product's guard and window, joined as the gateway joins them, before an app with a lane.
type stranger struct {
	guard  *dbguard.Guard
	engine *gin.Engine
	sql    string
	err    error
}

func newStranger(t *testing.T, l lane, before, after string) *stranger {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	s := &stranger{engine: gin.New()}
	set := crossdoor.Defaults()
	set.Late, set.Budget = 0, 1e9 // the machine may be busy
	w := crossdoor.New(set, crossdoor.Parts{})
	guard, err := dbguard.New(dbguard.Parts{Settings: dbguard.Defaults(), Cross: []screen.Rule{w.Rule()}, Origin: w.Origin})
	if err != nil {
		t.Fatal(err)
	}
	guard.Warm()
	w.Consult(guard)
	s.guard = guard
	s.engine.Use(w.Stage())
	s.engine.NoRoute(func(c *gin.Context) {
		s.sql = before + l.read(c.Request) + after
		_, s.err = guard.Judge(dbguard.Query{SQL: s.sql})
	})
	return s
}

// serve sends r and reports whether its statement was refused.
func (s *stranger) serve(r *http.Request) (refused bool) {
	s.sql, s.err = "", nil
	s.engine.ServeHTTP(httptest.NewRecorder(), r)
	return s.err != nil
}

// TestStrangersWays sends words that become SQL on every way that a stranger would try, into every place.
func TestStrangersWays(t *testing.T) {
	for _, l := range lanes() {
		for _, p := range places() {
			if quotedOnly[l.name] && p.name != "string" {
				continue
			}
			s := newStranger(t, l, p.before, p.after)
			for _, word := range append(p.honest, p.honest...) {
				if l.name == "behind a prefix and before a suffix" {
					word = "q~" + word + "~end"
				}
				if s.serve(l.send(word)) {
					t.Errorf("%s, %s: %q was refused: %v", l.name, p.name, s.sql, s.err)
				}
			}
			for _, word := range p.attacks {
				if l.name == "behind a prefix and before a suffix" {
					word = "q~" + word + "~end"
				}
				if !s.serve(l.send(word)) {
					t.Errorf("%s, %s: %q passed", l.name, p.name, s.sql)
				}
			}
		}
	}
}

// TestStrangerWhoHangsUpIsStillRefused sends an injection and leaves before the app asks the database, which it does all the same.
func TestStrangerWhoHangsUpIsStillRefused(t *testing.T) {
	asked, left, answered := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	g := openGround(t)
	slow := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query().Get("q")
		close(asked)
		<-left
		_, err := g.pool.Load().Exec(context.Background(), "select id from fruit where name = '"+q+"'", pgx.QueryExecModeSimpleProtocol)
		answered <- err
	})
	g.app.Config.Handler = slow
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+g.at.HTTP+"/slow?q="+url.QueryEscape("x' || (select name from fruit limit 1)||'"), nil)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if a, err := g.client.Do(r); err == nil {
			_ = a.Body.Close()
		}
	}()
	<-asked
	cancel()
	<-ended
	eventually(t, "the door gives the request up", func() bool { return strings.Contains(g.log.String(), `"status":499`) })
	close(left)
	var pg *pgconn.PgError
	if err := <-answered; !errors.As(err, &pg) || pg.Code != "42501" {
		t.Errorf("got %v, want the statement refused", err)
	}
}
