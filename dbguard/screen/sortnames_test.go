package screen

import (
	"slices"
	"testing"
)

func TestSortNamesAreThoseThatAnAppLetsItsUsersChoose(t *testing.T) {
	for _, tc := range []struct {
		sql  string
		want []string
	}{
		{"SELECT * FROM p ORDER BY price DESC, p.name", []string{"price", "p.name"}},
		{`SELECT * FROM p GROUP BY "a"."b" ORDER BY 1`, []string{`"a"."b"`}},
		{"SELECT * FROM p ORDER BY x NULLS LAST LIMIT 5", []string{"x"}},
		{"SELECT * FROM p ORDER BY lower(x), y", nil},
		{"SELECT * FROM p WHERE by = order", nil},
		{"SELECT rank() OVER (PARTITION BY a ORDER BY b) FROM p ORDER BY c", []string{"b", "c"}},
		{"SELECT * FROM p ORDER BY", nil},
	} {
		s := Read(tc.sql, Options{})
		var got []string
		s.SortNames(func(start, end int) { got = append(got, tc.sql[start:end]) })
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %q, want %q", tc.sql, got, tc.want)
		}
		s.Release()
	}
}
