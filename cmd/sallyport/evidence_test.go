package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"sallyport/dbguard/localpg"
)

// Words that must stand in no evidence: in the attack's value, the client's cookie, its token and a parameter's name.
var private = []string{"marrow9c41e7", "cookie8843aa", "bearer5512bb", "paramname77cc"}

// leaky is an app that puts whatever it gets into its SQL.
type leaky struct{ databaseURL string }

func (l *leaky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	value := r.FormValue("q")
	switch r.URL.Path {
	case "/json":
		var in struct{ Name string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		value = in.Name
	case "/cookie":
		if c, err := r.Cookie("track"); err == nil {
			value, _ = url.QueryUnescape(c.Value)
		}
	case "/path/" + strings.TrimPrefix(r.URL.Path, "/path/"):
		value = strings.TrimPrefix(r.URL.Path, "/path/")
	case "/agent":
		value = r.UserAgent()
	case "/name":
		for name := range r.URL.Query() {
			value = name
		}
	}
	conn, err := pgx.Connect(r.Context(), l.databaseURL)
	if err != nil {
		http.Error(w, "no database", http.StatusInternalServerError)
		return
	}
	defer conn.Close(r.Context()) //nolint:errcheck // the test's app
	if _, err := conn.Exec(r.Context(), "select usename from pg_user where usename = '"+value+"'", pgx.QueryExecModeSimpleProtocol); err != nil {
		http.Error(w, "no answer", http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, "shop")
}

// leakyHouse is an instance with a log file before a leaky app.
func leakyHouse(t *testing.T) *operated {
	t.Helper()
	pg, err := localpg.Start(t.Context(), localpg.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pg.Stop() })
	o := &operated{t: t, door: free(t), database: free(t), real: pg.URL("postgres"), ended: make(chan int, 1)}
	app := httptest.NewServer(&leaky{"postgres://app:its-own@" + o.database + "/postgres?sslmode=disable"})
	t.Cleanup(app.Close)
	dir := t.TempDir()
	o.file = filepath.Join(dir, "sallyport.yaml")
	for name, text := range map[string]string{
		"database_url": o.real, "app": "its-own",
		"sallyport.yaml": fmt.Sprintf(`version: 1
http: {listen: %s, upstream: %q}
database:
  listen: %s
  upstream_file: database_url
  users: [{name: app, password_file: app, admin: true}]
admin: {listen: %s}
history: {path: history.db}
log: {file: log.json, level: debug, format: json}
`, o.door, app.URL, o.database, free(t)),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	o.start()
	return o
}

// send asks the door as client, with a cookie and a token of the client's own.
func (o *operated) send(client, method, target, body string, header ...string) int {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), method, "http://"+o.door+target, strings.NewReader(body))
	if err != nil {
		o.t.Fatal(err)
	}
	r.Header.Set("CF-Connecting-IP", client)
	r.Header.Set("Authorization", "Bearer "+private[2])
	r.Header.Set("Cookie", "session="+private[1])
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, a.Body)
	_ = a.Body.Close()
	return a.StatusCode
}

// TestEvidenceHoldsPlacesAndNeverValues attacks by every kind of input and then reads everything that an operator or a colleague gets.
func TestEvidenceHoldsPlacesAndNeverValues(t *testing.T) {
	o := leakyHouse(t)
	for _, name := range []string{"anna", "bert", "carl"} {
		if code := o.send("192.0.2.1", "GET", "/search?q="+name, ""); code != 200 {
			t.Fatalf("an honest request: got %d, want 200", code)
		}
	}
	o.attackEverywhere()
	o.wants(codeGood, "held off: 198.51.100.1", "blocked")
	o.wants(codeGood, "may come in again", "release", "198.51.100.1")
	if code := o.send("198.51.100.1", "GET", "/search?q=anna", ""); code != 200 {
		t.Errorf("a released client: got %d, want 200", code)
	}
	everything := o.everything()
	for _, word := range private {
		for place, text := range everything {
			if at := strings.Index(text, word); at >= 0 {
				t.Errorf("%s holds %s: ...%s...", place, word, text[max(0, at-200):min(len(text), at+60)])
			}
		}
	}
	for place, want := range map[string][]string{
		"blocked":      {"198.51.100.1", "GET /search q", "POST /json Name", "GET /cookie track"},
		"security":     {`"suspects":[`, `"probes":1`, `"param":"q"`, `"route":"GET /search"`, `"marked":[`, `"mark":true`},
		"journal":      {"cross-door", "client-held", "sql-probe"},
		"SHOW BLOCKED": {"GET /search"}, "page": {"198.51.100.1", "/search"}, "prometheus": {"sallyport_"},
		"report.zip": {"cross-door"}, "log": {"cross-door"},
	} {
		for _, word := range want {
			if !strings.Contains(everything[place], word) {
				t.Errorf("%s lacks %s, so it may not have been looked at:\n%.3000s", place, word, everything[place])
			}
		}
	}
}

// attackEverywhere sends the same attack by every kind of input, each as another client but the first, who comes until it is held.
func (o *operated) attackEverywhere() {
	o.t.Helper()
	attack := "x' union select passwd from pg_shadow where usename <> '" + private[0]
	q := url.QueryEscape(attack)
	for n, want := range []int{500, 500, 403} {
		if code := o.send("198.51.100.1", "GET", "/search?q="+q, ""); code != want {
			o.t.Errorf("attack %d of one client: got %d, want %d", n+1, code, want)
		}
	}
	text, _ := json.Marshal(map[string]string{"Name": attack})
	for n, r := range [][]string{
		{"POST", "/form", "q=" + q, "Content-Type", "application/x-www-form-urlencoded"},
		{"POST", "/json", string(text), "Content-Type", "application/json"},
		{"GET", "/cookie", "", "Cookie", "session=" + private[1] + "; track=" + q},
		{"GET", "/agent", "", "User-Agent", attack},
		{"GET", "/path/" + url.PathEscape(attack), ""},
		{"GET", "/name?" + url.QueryEscape(private[3]+attack) + "=1", ""},
		{"GET", "/search?q=" + url.QueryEscape(private[0]+"'"), ""}, // a probe that only breaks the literal
		{"GET", "/search?q=" + url.QueryEscape(private[0]+"' order by select -- "), ""},
	} {
		o.send(fmt.Sprintf("198.51.100.%d", n+2), r[0], r[1], r[2], r[3:]...)
	}
}

// everything is what operators and colleagues can read, by place.
func (o *operated) everything() map[string]string {
	o.t.Helper()
	all := map[string]string{}
	zipped := filepath.Join(o.t.TempDir(), "r.zip")
	o.wants(codeGood, "no secret", "report", "-o", zipped)
	raw, err := os.ReadFile(zipped)
	if err != nil {
		o.t.Fatal(err)
	}
	all["report.zip"] = unzipped(o.t, raw)
	for _, args := range []string{"blocked", "blocked --json", "top", "status", "learn", "report --compliance", "doctor"} {
		_, all[args] = o.call(strings.Fields(args)...)
	}
	p := newProgram(io.Discard, io.Discard)
	p.file = o.file
	cfg, err := p.load(p.blockedCommand())
	if err != nil {
		o.t.Fatal(err)
	}
	for _, path := range []string{"security", "database", "events", "metrics", "structures", "explain", "settings", "history"} {
		all[path] = o.admin(cfg.Admin.Listen, "/api/hardening/"+path)
	}
	for _, page := range []string{"overview", "database", "attacks", "traffic"} {
		all["page"] += o.admin(cfg.Admin.Listen, "/api/page/view?page="+page)
	}
	all["prometheus"] = o.admin(cfg.Admin.Listen, "/metrics")
	all["SHOW BLOCKED"] = o.console("show blocked") + o.console("show stats") + o.console("show clients")
	o.cancel(errTerminated)
	<-o.ended
	dir := filepath.Dir(o.file)
	for place, pattern := range map[string]string{"journal": "history.db*", "log": "log.json*"} {
		files, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				o.t.Fatal(err)
			}
			all[place] += string(text)
		}
	}
	o.start()
	return all
}

func (o *operated) admin(listen, path string) string {
	o.t.Helper()
	a, err := http.Get("http://" + listen + path)
	if err != nil {
		o.t.Fatal(err)
	}
	var body bytes.Buffer
	_, _ = body.ReadFrom(a.Body)
	_ = a.Body.Close()
	return body.String()
}

// console asks the door's own database.
func (o *operated) console(sql string) string {
	o.t.Helper()
	conn, err := pgx.Connect(o.t.Context(), "postgres://app:its-own@"+o.database+"/sallyport?sslmode=disable")
	if err != nil {
		o.t.Fatal(err)
	}
	defer conn.Close(o.t.Context()) //nolint:errcheck // the test's client
	results, err := conn.PgConn().Exec(o.t.Context(), sql).ReadAll()
	if err != nil {
		o.t.Fatal(err)
	}
	var all strings.Builder
	for _, r := range results {
		for _, row := range r.Rows {
			all.Write(bytes.Join(row, []byte("\t")))
			all.WriteByte('\n')
		}
	}
	return all.String()
}
