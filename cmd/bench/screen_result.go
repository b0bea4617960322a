package main

import (
	"fmt"
	"io"
)

// want is what a group must reach, as parts of one; none is where honest rows must never be refused.
type want struct {
	found, refused float64
	none           bool
}

// screenResult is all that a run counted and measured.
type screenResult struct {
	Groups []*screenGroup `json:"groups"`
	Costs  []stepCost     `json:"costs"`
	Notes  []string       `json:"notes"`
	Misses []string       `json:"misses,omitempty"`
}

// screenGroup is one group of figures.
type screenGroup struct {
	Name string `json:"name"`
	screenCount
	// Want is the target in words, OK whether it is reached.
	Want  string         `json:"want,omitempty"`
	OK    bool           `json:"ok"`
	Lines []*screenCount `json:"lines,omitempty"`
	want  want
}

// screenCount is how many rows there were, were found (any finding) and refused.
type screenCount struct {
	Context string `json:"context,omitempty"`
	Rows    int    `json:"rows"`
	Found   int    `json:"found"`
	Refused int    `json:"refused"`
}

// stepCost is what one step takes.
type stepCost struct {
	Step string  `json:"step"`
	Got  float64 `json:"got"`
	Unit string  `json:"unit"`
	// Limit is what it may take; 0 is no limit.
	Limit float64 `json:"limit,omitempty"`
	OK    bool    `json:"ok"`
}

func (c *screenCount) add(o outcome) {
	c.Rows++
	if o.found {
		c.Found++
	}
	if o.refused {
		c.Refused++
	}
}

// begin starts a group; count adds to the one begun last.
func (r *screenResult) begin(name string, w want) {
	g := &screenGroup{Name: name, want: w}
	switch {
	case w.none:
		g.Want = "0 refused"
	case w.found > 0:
		g.Want = fmt.Sprintf("found %.1f %%, refused %.1f %%", 100*w.found, 100*w.refused)
	case w.refused > 0:
		g.Want = fmt.Sprintf("refused %.1f %%", 100*w.refused)
	}
	r.Groups = append(r.Groups, g)
}

func (r *screenResult) count(context string, o outcome) {
	g := r.Groups[len(r.Groups)-1]
	g.add(o)
	g.line(context).add(o)
	rows := float64(g.Rows)
	g.OK = float64(g.Found) >= rows*g.want.found && float64(g.Refused) >= rows*g.want.refused && (!g.want.none || g.Refused == 0)
}

func (g *screenGroup) line(context string) *screenCount {
	for _, l := range g.Lines {
		if l.Context == context {
			return l
		}
	}
	l := &screenCount{Context: context}
	g.Lines = append(g.Lines, l)
	return l
}

func (r *screenResult) miss(group string, row row, o outcome) {
	r.Misses = append(r.Misses, fmt.Sprintf("%s: %s: refused %t: %.200s: %.300q in %.400q", group, row.Ctx, o.refused, o.why, row.inputs(), row.SQL))
}

func (r *screenResult) print(out io.Writer) {
	for _, g := range r.Groups {
		fmt.Fprintf(out, "\n%s: %d rows, %d found (%s), %d refused (%s)%s\n", g.Name, g.Rows, g.Found, percent(g.Found, g.Rows), g.Refused,
			percent(g.Refused, g.Rows), verdictOn(g.Want, g.OK))
		for _, l := range g.Lines {
			fmt.Fprintf(out, "  %-48s %7d rows %7d found %8s %7d refused %8s\n", l.Context, l.Rows, l.Found, percent(l.Found, l.Rows),
				l.Refused, percent(l.Refused, l.Rows))
		}
	}
	if len(r.Costs) > 0 {
		fmt.Fprintln(out, "\ncost per step")
	}
	for _, c := range r.Costs {
		limit := ""
		if c.Limit > 0 {
			limit = fmt.Sprintf("at most %g %s", c.Limit, c.Unit)
		}
		fmt.Fprintf(out, "  %-64s %10.2f %s%s\n", c.Step, c.Got, c.Unit, verdictOn(limit, c.OK))
	}
	for _, n := range r.Notes {
		fmt.Fprintf(out, "\n%s\n", n)
	}
	for _, m := range r.Misses {
		fmt.Fprintln(out, m)
	}
}

func percent(n, of int) string { return fmt.Sprintf("%.2f %%", 100*float64(n)/float64(max(of, 1))) }

func verdictOn(want string, ok bool) string {
	switch {
	case want == "":
		return ""
	case ok:
		return "; want " + want + ": reached"
	}
	return "; want " + want + ": NOT reached"
}
