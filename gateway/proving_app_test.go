package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"sallyport/config"
	"sallyport/dbguard"
)

// theSecret is what attacks on the proving ground are after.
const theSecret = "moonstone-7f3a91"

// ground is an app with a hole in every route, before a real PostgreSQL, behind both doors.
type ground struct {
	*house
	pool atomic.Pointer[pgxpool.Pool]
	// honest counts the statements of the honest load, refusedHonest its answers that were not 200, the first of them kept.
	honest, refusedHonest atomic.Int64
	firstRefused          atomic.Pointer[string]

	mu   sync.Mutex // guards named
	seen attribution
}

// attribution counts refused statements by whom they were put down to.
type attribution struct {
	refused, right, unnamed, wrong int
	// why tells of the first that were not right.
	why []string
}

// hole is one injectable route: how its statement is made, how input gets there, and a value that an honest visitor sends.
type hole struct {
	name, path, param string
	honest            func(n int) string
	// payloads fetch the secret where nothing stops them; each must be refused.
	payloads []string
	// secondOrder is true where the input is stored by one request and becomes SQL in another.
	secondOrder bool
}

// holes are the routes of the proving ground.
func holes() []hole {
	const account = "(select secret from account limit 1)"
	fruit := func(n int) string { return fmt.Sprintf("fruit %d", n%97) }
	return []hole{
		{name: "string", path: "/search", param: "q", honest: fruit, payloads: []string{
			"x' union select 1,secret from account--", "x' union all select id,secret from account where '1'='1", "x' UNION/**/SELECT/**/1,secret/**/FROM/**/account--",
			"x'||" + account + "||'' union select 1," + account + " -- ", "zz' or name=name union select 1,(select string_agg(secret,',') from account) limit 500--",
		}},
		{name: "numeric", path: "/item", param: "id", honest: func(n int) string { return fmt.Sprint(n % 97) }, payloads: []string{
			"-1 union select 1,secret from account", "0 or 1=1 union select 1,secret from account", "-1\nunion\nselect 1,secret from account", "-1 UnIoN aLl SeLeCt 1,secret from account--",
			"cast(" + account + " as int)",
		}},
		{name: "like", path: "/find", param: "q", honest: fruit, payloads: []string{
			"zz%' union select 1,secret from account--", "zz%' and 1=0 union select 1,secret from account where '%'='", "zz' union select 1,chr(32)||secret from account--",
			"zz%'/**/union/**/select/**/1,secret/**/from/**/account/**/--",
		}},
		{name: "order", path: "/list", param: "sort", honest: func(n int) string { return []string{"name", "id", "name desc", "id desc, name"}[n%4] }, payloads: []string{
			"(select cast(secret as int) from account limit 1)", "(case when 1=cast(" + account + " as int) then id else 1 end)", "id,cast(" + account + " as numeric)",
			"(select cast(secret as int)from(select secret from account)x)",
		}},
		{name: "in-list", path: "/pick", param: "ids", honest: func(n int) string { return []string{"1", "1,2", "3, 4, 5", "7,8,9,10"}[n%4] }, payloads: []string{
			"1) union select 1,secret from account--", "0) union select 1,secret from account where 1 in (1", "1,2) or id in (select id from account) union select 1,secret from account--", "cast(" + account + " as int)",
		}},
		{name: "json", path: "/lookup", param: "name", honest: fruit, payloads: []string{
			"x' union select 1,secret from account--", "x' or '1'='1' union select 1,secret from account--", "x'\tunion\tselect\t1,secret\tfrom\taccount--", "x' union select 1,secret from account where 'a'='a",
		}},
		{name: "second-order", path: "/register", param: "nick", honest: fruit, secondOrder: true, payloads: []string{
			"x' union select 1,secret from account--", "x' union all select 1,secret from account where '1'='1", "x' or 1=1 union select 1,secret from account--",
		}},
	}
}

// target is the request that carries value into the hole: path with query, and a body for a POST.
func (o hole) target(value string) (method, path, body string) {
	switch o.name {
	case "json":
		text, _ := json.Marshal(map[string]string{"name": value, "note": "a visitor's words"})
		return http.MethodPost, o.path, string(text)
	case "second-order":
		return http.MethodPost, o.path, url.Values{"nick": {value}}.Encode()
	}
	return http.MethodGet, o.path + "?" + o.param + "=" + url.QueryEscape(value) + "&page=1", ""
}

// send asks the hole with value as client. Of second order it stores value first and asks for the page that uses it.
func (g *ground) send(o hole, client, value string) (answer, error) {
	method, path, body := o.target(value)
	media := "application/x-www-form-urlencoded"
	if o.name == "json" {
		media = "application/json"
	}
	a, err := g.try("http", method, path, strings.NewReader(body), "CF-Connecting-IP", client, "Content-Type", media)
	if err != nil || !o.secondOrder || a.status != http.StatusOK {
		return a, err
	}
	return g.try("http", http.MethodGet, "/profile?id="+strings.TrimSpace(a.body), nil, "CF-Connecting-IP", client)
}

// serve is the app.
func (g *ground) serve(w http.ResponseWriter, r *http.Request) {
	pool := g.pool.Load()
	if pool == nil {
		_, _ = io.WriteString(w, "opening")
		return
	}
	const columns = "select id, name from fruit where "
	q := r.URL.Query()
	switch r.URL.Path {
	case "/search":
		show(r.Context(), w, pool, columns+"name = '"+q.Get("q")+"'")
	case "/item":
		show(r.Context(), w, pool, columns+"id = "+q.Get("id"))
	case "/find":
		show(r.Context(), w, pool, columns+"name like '%"+q.Get("q")+"%' limit 20")
	case "/list":
		show(r.Context(), w, pool, columns+"id < 20 order by "+q.Get("sort"))
	case "/pick":
		show(r.Context(), w, pool, columns+"id in ("+q.Get("ids")+")")
	case "/lookup":
		var in struct{ Name string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		show(r.Context(), w, pool, columns+"name = '"+in.Name+"' limit 5")
	case "/register":
		var id int
		if err := pool.QueryRow(r.Context(), "insert into visitor (nick) values ($1) returning id", r.FormValue("nick")).Scan(&id); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprintln(w, id)
	case "/profile":
		var nick string
		if err := pool.QueryRow(r.Context(), "select nick from visitor where id = $1::int", q.Get("id")).Scan(&nick); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		show(r.Context(), w, pool, columns+"name = '"+nick+"' order by id")
	case "/safe":
		show(r.Context(), w, pool, columns+"name = $1", q.Get("q"))
	}
}

// show runs sql and writes its rows, or the server's complaint as careless apps do.
func show(ctx context.Context, w http.ResponseWriter, pool *pgxpool.Pool, sql string, bound ...any) {
	if len(bound) == 0 {
		bound = append(bound, pgx.QueryExecModeSimpleProtocol)
	}
	rows, err := pool.Query(ctx, sql, bound...)
	var lines []string
	if err == nil {
		lines, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
			values, err := row.Values()
			return fmt.Sprintln(values...), err
		})
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		http.Error(w, "ERROR: "+pg.Message+" (SQLSTATE "+pg.Code+")", http.StatusInternalServerError)
		return
	}
	if err != nil {
		http.Error(w, "no answer", http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, "<html><body>\n"+strings.Join(lines, "")+"</body></html>\n")
}

// openGround starts the whole assembly.
func openGround(t testing.TB, changes ...func(*config.Config)) *ground {
	t.Helper()
	pg := startPostgres(t, "create table fruit (id int, name text); insert into fruit select n, 'fruit '||n from generate_series(0, 96) n;"+
		"create table account (id int, secret text); insert into account values (1, '"+theSecret+"'); create table visitor (id serial, nick text)")
	g := &ground{}
	longer := func(c *config.Config) { c.Database.Guard.Limits.QueryTimeout = 10e9 }
	h, pool := openGuarded(t, g.serve, pg, append([]func(*config.Config){longer}, changes...)...)
	g.house = h
	g.pool.Store(pool)
	g.database.guard.Observe(g.attributed)
	return g
}

// attackers begins the address of each attacking client, honest visitors have others.
const attackers = "100.64."

// attributed counts whom a refused statement was put down to.
func (g *ground) attributed(r dbguard.Report) {
	var blocked *dbguard.BlockedError
	if !errors.As(r.Err, &blocked) {
		return
	}
	c := crossingOf(r.Verdict)
	if c == nil {
		c = r.Verdict.Owner()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.seen.refused++
	switch {
	case c == nil:
		g.seen.unnamed++
	case strings.HasPrefix(c.Client, attackers):
		g.seen.right++
	default:
		g.seen.wrong++
	}
	if (c == nil || !strings.HasPrefix(c.Client, attackers)) && len(g.seen.why) < 10 {
		g.seen.why = append(g.seen.why, fmt.Sprintf("%v %+v %s %+v", blocked.Rules, c, r.Verdict.Skeleton, g.database.window.Snapshot()))
	}
}

func (g *ground) attribution() attribution {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.seen
}

// visit sends one honest request, the nth, and counts how it went.
func (g *ground) visit(all []hole, n int) error {
	client := fmt.Sprintf("192.0.2.%d", n%200)
	var a answer
	var err error
	if n%8 == 7 { // words like an attack, bound as they should be
		words := fmt.Sprintf("O'Brien %d asks: x' or '%d'='%d' union select name, stars from reviews; -- is that an attack?", n, n, n)
		a, err = g.try("http", http.MethodGet, "/safe?q="+url.QueryEscape(words), nil, "CF-Connecting-IP", client)
	} else {
		o := all[n%len(all)]
		a, err = g.send(o, client, o.honest(n/8))
		if o.secondOrder {
			g.honest.Add(2)
		}
	}
	if err != nil {
		return err
	}
	g.honest.Add(1)
	if a.status != http.StatusOK {
		g.refusedHonest.Add(1)
		text := fmt.Sprintf("honest request %d: %d %s", n, a.status, a.body)
		g.firstRefused.CompareAndSwap(nil, &text)
	}
	return nil
}

// neighbours sends honest requests from a few visitors until stop is called, which returns when the last has its answer.
func (g *ground) neighbours(t testing.TB) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	all := holes()
	for i := range 6 {
		wg.Go(func() {
			for n := i; ctx.Err() == nil; n += 6 {
				if err := g.visit(all, n); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	return func() {
		cancel()
		wg.Wait()
	}
}

// warm sends each honest kind of request often enough that the app's statements are known and its time of learning is over.
func (g *ground) warm(t testing.TB) {
	t.Helper()
	all := holes()
	for n := range 80 * len(all) {
		if err := g.visit(all, n); err != nil {
			t.Fatal(err)
		}
	}
}
