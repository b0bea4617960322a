package screen

import "testing"

// TestGrowthThatRepeatsTheTemplateIsTold tells lists, rows and bulk updates that became longer from anything else that grew.
func TestGrowthThatRepeatsTheTemplateIsTold(t *testing.T) {
	const update = "update t set a = case when id = 1 then 'x' else null end where id in (1)"
	for _, c := range []struct {
		name, template, text string
		want                 bool
	}{
		{"bulk update", update, "update t set a = case when id = 1 then 'x' when id = 2 then 'y' else null end where id in (1)", true},
		{"bulk update of four", update, "update t set a = case when id = 1 then 'x' when id = 2 then 'y' when id = 3 then 'z' when id = 4 then '' else null end where id in (1)", true},
		{"rows", "insert into t values (f(1), 2)", "insert into t values (f(1), 2), (f(3), 4)", true},
		{"list", "select a from t where b in (1) and c", "select a from t where b in (1, 2, 3) and c", true},
		{"one more condition of the same kind", "select a from t where b = 1 or b = 2", "select a from t where b = 1 or b = 2 or b = 3", true},
		{"another condition", "select a from t where b = 1", "select a from t where b = 1 or c = 1", false},
		{"a condition of two values", "select a from t where b = 'x'", "select a from t where b = 'x' or 'a' = 'a'", false},
		{"a union", "select a from t where b = 1 limit 5", "select a from t where b = 1 union select a from t where b = 1 limit 5", false},
		{"another column", "update t set a = 'x' where id = 1", "update t set a = 'x', b = 'y' where id = 1", false},
	} {
		m := NewModel(Key{1}, 0)
		if !learn(m, "", true, c.template) {
			t.Fatalf("%s: not learned", c.template)
		}
		s := Read(c.text, Options{})
		g, ok := m.Growth(s)
		s.Release()
		if !ok || g.Repeats != c.want {
			t.Errorf("%s: growth %t that repeats %t, want growth that repeats %t", c.name, ok, g.Repeats, c.want)
		}
	}
}

// TestGrowthThatBalancesTheQuotesRefusesAlone: no request needs to be in flight, and no rule to object.
func TestGrowthThatBalancesTheQuotesRefusesAlone(t *testing.T) {
	for _, c := range []struct {
		name, template, text string
		weight               int
	}{
		{"a union", "select a from t where b = 'x' order by a", "select a from t where b = 'x' union all select c from d where '1'='1' order by a", Refuse},
		{"a condition", "select a from t where b = 'x'", "select a from t where b = 'x' and (select 1 from d) > 0 and 'a'='a'", Refuse},
		{"other strings", "select a from t where b = 'x'", "select a from t where b = 'x' and 'a'='b'", grown},
		{"numbers, as apps write them", "select a from t where b = 'x'", "select a from t where b = 'x' and 1=1", grown},
		{"in a number's place no quote is closed", "select a from t where b = 1", "select a from t where b = 1 and 'all'='all'", grown},
		{"in the middle", "select a from t where b = 'x'", "select a from t where b = 'x' and ('all' = 'all' or c = 'all')", grown},
	} {
		m := NewModel(Key{1}, 0)
		if !learn(m, "", true, c.template) {
			t.Fatalf("%s: not learned", c.template)
		}
		s := Read(c.text, Options{})
		found := m.GrowthRule().Check(s)
		s.Release()
		if len(found) != 1 || found[0].Weight != c.weight {
			t.Errorf("%s: got %+v, want weight %d", c.name, found, c.weight)
		}
	}
}
