package screen

import "testing"

func TestBatchIsOneStatementWithOtherValues(t *testing.T) {
	for sql, want := range map[string]bool{
		"":                           false,
		"insert into t values (1)":   false,
		"insert into t values (1); ": false,
		"insert into t values (1); insert into t values ('x')":              true,
		"insert into t values (1); insert into t values (2);":               true,
		"insert into t values (1,2); insert into t values (-1, null, 2)":    true,
		"select f('a'::text[]); select f(array[1]); select f(null)":         true,
		"insert into t values (1); insert into u values (2)":                false,
		"insert into t values (1); insert into t values (2) returning a":    false,
		"insert into t values (1); insert into t values (2); drop table t":  false,
		"insert into t values (1); insert into t values ((select 1))":       false,
		`insert into "T" values (1); insert into T values (2)`:              false,
		"update t set a = 1; update t set a = 2 where b = 3":                false,
		"update t set a = 1 where b = 1 or 1; update t set a = 1 where b=2": false,
	} {
		s := Read(sql, Options{})
		if got := s.isBatch(); got != want {
			t.Errorf("%q: got %v, want %v", sql, got, want)
		}
		s.Release()
	}
}
