package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// visitorsWords are what visitors send: each is bound or quoted by the ORM, and in flight as input while its statement runs.
var visitorsWords = []string{
	"O'Brien", "plain words", "x' or '1'='1", "1; drop table products; --", "a -- comment", "/* b */ c", `back\slash\' "quoted"`, "50% off_now", "select * from users", "größe 'ß'",
	"' union select 1,2 --", "$1 and $2", "$$ text $$", "1 or 1=1", "name desc, id", "((()))", "null", "true", "a,b,c", "{\"json\": [1, 'x']}", "it''s", "E'\\047'", "now()", "count(*)",
}

// quoted is how a careful app writes a literal.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// filtered is how an app's own query builder turns the filter of an admin page, a where-object such as Prisma's, into a condition. Names
// and operators come from its own lists, values are quoted.
func filtered(filter map[string]any) string {
	var all []string
	for _, key := range keysInOrder(filter) {
		switch v := filter[key].(type) {
		case []any:
			var parts []string
			for _, one := range v {
				parts = append(parts, filtered(one.(map[string]any)))
			}
			all = append(all, "("+strings.Join(parts, " "+key+" ")+")")
		case map[string]any:
			for _, op := range keysInOrder(v) {
				sign := map[string]string{"contains": "ilike", "gt": ">", "not": "<>", "equals": "=", "in": "in"}[op]
				switch text := v[op].(type) {
				case string:
					all = append(all, key+" "+sign+" "+quoted(text))
				case float64:
					all = append(all, fmt.Sprintf("%s %s %g", key, sign, text))
				case []any:
					var list []string
					for _, one := range text {
						list = append(list, quoted(fmt.Sprint(one)))
					}
					all = append(all, key+" in ("+strings.Join(list, ", ")+")")
				case nil:
					all = append(all, key+" is not null")
				}
			}
		}
	}
	return strings.Join(all, " AND ")
}

func keysInOrder(m map[string]any) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// honestWords are what visitors of such apps say.
func honestWords() []string {
	return append([]string{
		"O'Brien", "Null", "or", "and", "select", "union station", "drop-in table", "1 or 2", "salt and pepper", "rock & roll", "5' 10\"", "name = 'x'", "a -- b", "/* c */", "50% off; now", "count(*)",
		"where is 1=1 from?", "x' or 'a'='a", "'; drop table students; --", "order by price desc", "id, name", "null, null", "not null", "case when", "now()", "true", "(1,2)", "E'\\n'", "$1",
		"SELECT id, name FROM fruit WHERE name = 'hammer' ORDER BY id LIMIT 20", "for (i = 0; i < 10; i++) { s += \"x' + y\"; }", "if a > b and c = 'd': return [1, 2]",
		strings.Repeat("It's a long story; -- and so on. \"Quoted\"\r\n", 400), strings.Repeat("x", 9000) + "'y", strings.Repeat("a' or b ", 1500),
	}, visitorsWords...)
}

// honestApps are apps that do what they should, with the requests that visitors send them.
func honestApps() map[string]struct {
	sql      func(r *http.Request) string
	requests func() []*http.Request
} {
	of := func(make func(w string) *http.Request) func() []*http.Request {
		return func() (all []*http.Request) {
			for _, w := range honestWords() {
				all = append(all, make(w))
			}
			return all
		}
	}
	byQuery := of(func(w string) *http.Request { return get("q=" + url.QueryEscape(w) + "&sort=price&page=2") })
	q := func(r *http.Request) string { return r.URL.Query().Get("q") }
	filters := []string{
		`{"name":{"contains":"o'b"},"price":{"gt":5}}`, `{"OR":[{"name":{"contains":"x' or 'a'='a"}},{"id":{"in":["1","2 or 3"]}}]}`, `{"AND":[{"name":{"not":"null"}},{"price":{"gt":1}},{"stock":{"not":null}}]}`,
		`{"OR":[{"name":{"equals":"a and b"}},{"AND":[{"price":{"gt":2}},{"name":{"equals":"name"}}]}],"stock":{"not":null}}`, `{"name":{"in":["a","b","c"]}}`, `{"price":{"equals":10}}`,
	}
	columns := []string{"id", "name", "price", "stock", "name desc", "price desc, id", "stock asc, name desc"}
	return map[string]struct {
		sql      func(r *http.Request) string
		requests func() []*http.Request
	}{
		"a search box": {func(r *http.Request) string {
			return "select id, name from fruit where (name ilike " + quoted("%"+q(r)+"%") + " or note ilike " + quoted("%"+q(r)+"%") + ") and 1=1 order by name limit 20"
		}, byQuery},
		"words that each become a condition": {func(r *http.Request) string {
			var all []string
			for _, w := range strings.Fields(clip(q(r), 200)) {
				all = append(all, "name ilike "+quoted("%"+w+"%"))
			}
			return "select id, name from fruit where " + strings.Join(append(all, "shop = 1"), " and ") + " order by name"
		}, byQuery},
		"a content system": {func(r *http.Request) string {
			body := r.FormValue("body")
			set := []string{"title = " + quoted(clip(body, 40)), "body = " + quoted(strings.ReplaceAll(body, "\r\n", "\n"))}
			if len(body)%2 == 0 {
				set = append(set, "teaser = "+quoted(clip(body, 100)), "changed = now()")
			}
			return "update page set " + strings.Join(set, ", ") + fmt.Sprintf(" where id = %d", len(body))
		}, of(func(w string) *http.Request {
			return post("application/x-www-form-urlencoded", url.Values{"body": {w}, "q": {w}}.Encode())
		})},
		"a column to sort by": {func(r *http.Request) string {
			return "select id, name from fruit where shop = 1 order by " + r.FormValue("sort") + " limit 20"
		}, func() (all []*http.Request) {
			for _, c := range columns {
				all = append(all, get("sort="+url.QueryEscape(c)))
			}
			return all
		}},
		"columns to show": {func(r *http.Request) string {
			return "select " + r.FormValue("show") + " from fruit where id = 7 and name <> 'x'"
		}, func() (all []*http.Request) {
			for _, c := range []string{"id", "id, name", "id,name,price", "name, price, stock"} {
				all = append(all, get("show="+url.QueryEscape(c)))
			}
			return all
		}},
		"an admin's filter": {func(r *http.Request) string {
			var filter map[string]any
			_ = json.Unmarshal(bodyOf(r), &filter)
			return "select * from fruit where " + filtered(filter) + " order by id"
		}, func() (all []*http.Request) {
			for _, f := range filters {
				all = append(all, post("application/json", f))
			}
			return all
		}},
	}
}

// TestStrangersHonestWords serves visitors whose words look like SQL by apps that do what they should, each statement new at first and
// nothing learned but from it; while other visitors' words are in flight, too.
func TestStrangersHonestWords(t *testing.T) {
	for name, app := range honestApps() {
		s := newStranger(t, lane{name: name, read: app.sql}, "", "")
		for range 3 {
			for _, r := range app.requests() {
				if s.serve(r) {
					t.Errorf("%s: %.300q was refused: %v", name, s.sql, s.err)
				}
			}
		}
	}
}
