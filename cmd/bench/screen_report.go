package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"sallyport/dbguard/screen"
)

// count is how many rows of one kind there are, were found (any finding) and refused (weights of 5 and more).
type count struct{ total, found, refused int }

// report prints, by kind of row and context, what d finds and refuses.
func report(out io.Writer, name string, rows []row, d detector) {
	counts := map[string]*count{}
	add := func(key string, found []screen.Finding) {
		c := counts[key]
		if c == nil {
			c = &count{}
			counts[key] = c
		}
		c.total++
		if len(found) > 0 {
			c.found++
		}
		if screen.Weight(found) >= screen.Refuse {
			c.refused++
		}
	}
	for _, r := range rows {
		s := screen.Read(r.SQL, screen.Options{})
		found := d.find(r, s)
		switch {
		case r.isAttack():
			add("attack, effective", found)
			add("attack, effective: "+r.Ctx, found)
		case r.isHonest():
			add("honest", found)
			add("honest: "+cmp.Or(r.Src, r.Ctx)+" "+r.Mode+" "+r.Truth, found)
		default:
			add("attack, "+r.Truth, found)
		}
		s.Release()
	}
	fmt.Fprintf(out, "%-60s %7s %7s %7s\n", name, "rows", "found", "refused")
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		c := counts[key]
		fmt.Fprintf(out, "  %-58s %7d %7d %7d  %5.1f %%\n", key, c.total, c.found, c.refused, 100*float64(c.refused)/float64(c.total))
	}
}

// reportLearning plays honest statements in order into an empty model, each from an origin of its own.
func reportLearning(out io.Writer, rows []row) {
	model := screen.NewModel(screen.Key{1}, 0)
	rules := append(screen.Builtin(), model.GrowthRule())
	var known, grew, refused int
	for i, r := range rows {
		s := screen.Read(r.SQL, screen.Options{})
		if model.Knows(s) {
			known++
			s.Release()
			continue
		}
		found := screen.Check(s, rules)
		if slices.ContainsFunc(found, func(f screen.Finding) bool { return f.Rule == "growth" }) {
			grew++
		}
		if screen.Weight(found) >= screen.Refuse {
			refused++
		}
		if screen.Clean(found) {
			model.Learn(s, fmt.Sprint(i), false)
		}
		s.Release()
	}
	fmt.Fprintf(out, "  %d statements, %d known when they came, %d grown, %d refused, %d structures learned\n", len(rows), known, grew, refused, model.Len())
}

// reportCost prints nanoseconds per statement of each step.
func reportCost(out io.Writer, name string, rows []row, model *screen.Model) {
	if len(rows) == 0 {
		return
	}
	bytes := 0
	all := make([]*screen.Statement, len(rows))
	for i, r := range rows {
		bytes += len(r.SQL)
		all[i] = screen.Read(r.SQL, screen.Options{})
	}
	rules := screen.Builtin()
	steps := []struct {
		name string
		run  func(i int)
	}{
		{"read", func(i int) { screen.Read(rows[i].SQL, screen.Options{}).Release() }},
		{"fingerprint", func(i int) { _ = all[i].Fingerprint(screen.Key{1}) }},
		{"loose fingerprint", func(i int) { _, _ = all[i].Loose(screen.Key{1}) }},
		{"known", func(i int) { _ = model.Knows(all[i]) }},
		{"rules", func(i int) { _ = screen.Check(all[i], rules) }},
		{"complexity", func(i int) { _ = screen.Cost(all[i]) }},
		{"growth", func(i int) { _, _ = model.Growth(all[i]) }},
		{"skeleton", func(i int) { _ = all[i].Skeleton() }},
	}
	fmt.Fprintf(out, "%s: %d, %d bytes each\n", name, len(rows), bytes/len(rows))
	for _, s := range steps {
		start := time.Now()
		for i := range all {
			s.run(i)
		}
		fmt.Fprintf(out, "  %-20s %8d ns\n", s.name, time.Since(start).Nanoseconds()/int64(len(all)))
	}
}
