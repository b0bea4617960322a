package crossdoor

import "testing"

func TestColumnComparedWithItselfByARequestIsHard(t *testing.T) {
	for _, c := range []struct {
		name, input, sql, want string
	}{
		{"a column", "id", "SELECT * FROM p WHERE id = id", "hard"},
		{"in other letters", "ID", "SELECT * FROM p WHERE (id = Id) AND shop = 1", "hard"},
		{"the table's name before both", "p.id", "SELECT * FROM p WHERE p.id = p.id AND shop = 1", "hard"},
		{"the table's name before the app's", "id", "SELECT * FROM p WHERE p.id = id", "hard"},
		{"another column, as reports compare", "stock", "SELECT * FROM p WHERE sold = stock", ""},
		{"another comparison", "stock", "SELECT * FROM p WHERE stock > stock", ""},
		{"a join", "b.id", "SELECT * FROM a JOIN b ON a.id = b.id", ""},
		{"a sum", "id", "SELECT * FROM p WHERE id = id + 1", ""},
		{"set to itself", "stock", "UPDATE p SET stock = stock WHERE a = 1", ""},
		{"the app's own", "name", "SELECT * FROM p WHERE id = id", ""},
		{"a column to sort by", "id", "SELECT id FROM p WHERE a = 1 ORDER BY id", ""},
	} {
		found := crossings(t, nil, c.input, c.sql)
		got := ""
		if len(found) > 0 {
			got = found[0].Crossing.Verdict
		}
		if got != c.want {
			t.Errorf("%s: %q in %q: got %q, want %q", c.name, c.input, c.sql, got, c.want)
		}
		if got != "" && (found[0].Crossing.Source != "query" || found[0].Crossing.Param != "q") {
			t.Errorf("%s: got %+v, want the parameter named", c.name, found[0].Crossing)
		}
	}
}
