package main

import (
	"math/rand/v2"
	"strings"

	"sallyport/dbguard/screen"
)

// Requests in flight beside the one that is judged, values of each, and after how many statements others take their place.
const (
	crowdRequests = 256
	crowdValues   = 20
	crowdLasts    = 100
	searchPages   = 20_000
)

// honest plays what must never be refused, each group while a crowd of other requests is in flight.
func (b *screenBench) honest() error {
	for _, g := range []struct {
		name string
		rows []row
		warm bool
	}{
		{"honest: benign values in safe statements, warm", append(keep(b.pairs, isBenignValue), safely(b.values)...), true},
		{"honest: benign values in safe statements, cold", append(keep(b.pairs, isBenignValue), safely(b.values)...), false},
		{"honest: attack texts escaped or bound, warm", append(keep(b.pairs, isSafeAttack), safely(b.attacks)...), true},
		{"honest: attack texts escaped or bound, cold", append(keep(b.pairs, isSafeAttack), safely(b.attacks)...), false},
		{"honest: logged statements of the six stacks", withLiterals(b.logged), false},
		{"honest: statements of a dynamic search page (generated)", searchStatements(b.pages), false},
	} {
		s, err := newStand()
		if err == nil && g.warm {
			s.teach(keep(b.pairs, row.isHarmless))
		}
		if err != nil {
			return err
		}
		s.guard.Warm() // all evidence refuses from the first statement on
		b.playInCrowd(g.name, g.rows, s)
	}
	return nil
}

func isBenignValue(r row) bool { return r.Kind == "benign" && r.Truth == "inert" }

func isSafeAttack(r row) bool { return r.Kind == "attack" && r.Mode == "safe" && r.Truth == "inert" }

// playInCrowd judges rows, none of which may be refused.
func (b *screenBench) playInCrowd(group string, rows []row, s *stand) {
	s.explain = b.missed != 0
	b.result.begin(group, want{none: true})
	c := crowd{stand: s, values: b.values, rand: rand.New(rand.NewPCG(1, 2))}
	defer c.leave()
	for i, r := range rows {
		if i%crowdLasts == 0 {
			c.renew()
		}
		o := s.during(r.inputs(), r.SQL)
		b.result.count(r.Src+" "+r.Ctx, o)
		if (o.refused || b.missed < 0 && o.found) && b.missed != 0 {
			b.result.miss(group, r, o)
		}
	}
}

// crowd is the requests of others that are in flight.
type crowd struct {
	stand  *stand
	values []row
	rand   *rand.Rand
	ends   []func()
}

// renew lets all requests end and as many others begin.
func (c *crowd) renew() {
	c.leave()
	if len(c.values) == 0 {
		return
	}
	for range crowdRequests {
		values := make([]string, crowdValues)
		for i := range values {
			values[i] = c.values[c.rand.IntN(len(c.values))].Text
		}
		c.ends = append(c.ends, c.stand.request(values))
	}
}

func (c *crowd) leave() {
	for _, end := range c.ends {
		end()
	}
	c.ends = nil
}

// safely returns a statement for each text and each way in which apps write a value so that it stays one.
func safely(texts []row) (rows []row) {
	for _, t := range texts {
		if strings.IndexByte(t.Text, 0) >= 0 {
			continue
		}
		quoted := strings.ReplaceAll(t.Text, "'", "''")
		pattern := strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`, "'", "''").Replace(t.Text)
		slashed := strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(t.Text)
		for _, way := range [...]struct{ ctx, sql string }{
			{"quotes doubled", "SELECT * FROM users WHERE email = '" + quoted + "'"},
			{"LIKE pattern", "SELECT id, name FROM products WHERE name ILIKE '%" + pattern + "%' ORDER BY name LIMIT 20"},
			{"E literal", "SELECT id FROM notes WHERE body = E'" + slashed + "' AND kind = 'a'"},
			{"INSERT", "INSERT INTO comments (author, body) VALUES ('x', '" + quoted + "') RETURNING id"},
			{"bound", "SELECT id, role FROM users WHERE username = $1 AND password = $2 LIMIT 1"},
			{"quoted name", `SELECT id AS "` + strings.ReplaceAll(t.Text, `"`, `""`) + `" FROM t`},
		} {
			rows = append(rows, row{Src: "generated", SQL: way.sql, Input: t.Text, Ctx: way.ctx})
		}
	}
	return rows
}

// withLiterals gives each statement a request whose values are the statement's literals.
func withLiterals(rows []row) []row {
	var with []row
	for _, r := range rows {
		s := screen.Read(r.SQL, screen.Options{})
		r.Inputs = []string{}
		for i, t := range s.Tokens {
			if t.Kind == screen.String && t.Form == screen.Plain && len(r.Inputs) < crowdValues {
				r.Inputs = append(r.Inputs, strings.ReplaceAll(strings.Trim(string(s.Of(i)), "'"), "''", "'"))
			}
		}
		s.Release()
		with = append(with, r)
	}
	return with
}
