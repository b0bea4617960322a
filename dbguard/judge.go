package dbguard

import (
	"crypto/rand"
	"slices"

	"sallyport/dbguard/screen"
)

// Judge screens q and runs nothing. It returns a *BlockedError or an error wrapping ErrTooComplex where q is refused
// (already counted and reported), and then a nil Verdict. A text seen before costs one hash and no allocation.
func (g *Guard) Judge(q Query) (*Verdict, error) {
	st := g.state.Load()
	key := g.seeds.key(&q)
	v, cleared := st.texts.find(key)
	asksCross := st.settings.CrossDoor != Off && len(g.cross) > 0
	if v != nil && (cleared || !asksCross) {
		g.counts.known.Add(1)
		return g.decide(st, &q, v)
	}
	s := screen.Read(q.SQL, screen.Options{BackslashQuotes: q.BackslashQuotes})
	defer s.Release()
	exact := structureKey(s.Fingerprint(g.key))
	kept, cleared := st.structures.find(exact)
	if v == nil {
		g.counts.read.Add(1)
		v = g.inspect(st, s, kept)
	}
	if asksCross && !cleared {
		if findings := screen.Check(s, g.cross); len(findings) > 0 {
			st.texts.keep(key, v, 0)
			return g.decide(st, &q, v.with(s, findings))
		}
	}
	g.learn(st, key, exact, v, asksCross, cleared)
	if asksCross && !cleared && v.Findings == nil {
		g.learnSorted(st, s, v)
	}
	return g.decide(st, &q, v)
}

// learn keeps the verdict of a text in which the cross-door rules found nothing, or were not asked. A clean one is kept for
// its structures too, each time that they were asked, until they are known.
func (g *Guard) learn(st *state, text, exact cacheKey, v *Verdict, asked, known bool) {
	switch {
	case known:
		st.texts.keep(text, v, clearedEnough)
		return
	case v.Findings == nil && asked:
		st.structures.keep(exact, v, 1)
		st.loose.keep(structureKey(v.Fingerprint), v, 1)
	case v.Findings == nil:
		st.structures.keep(exact, v, 0)
	}
	st.texts.keep(text, v, 0)
}

// maxSorted bounds the names of one statement that are learned as places for any name.
const maxSorted = 4

// learnSorted keeps the structures of s with any other name in each place that apps let their users sort or group by.
func (g *Guard) learnSorted(st *state, s *screen.Statement, v *Verdict) {
	var other screen.Statement
	n := 0
	s.SortNames(func(start, end int) {
		if n++; n <= maxSorted {
			other.Splice(s, start, end, screen.AnyName)
			loose, _ := other.Loose(g.key)
			st.loose.keep(structureKey(loose), v, 1)
		}
	})
}

// Knows reports whether s has a structure, exact or with lists collapsed, in which neither rules nor cross-door rules found
// anything twice. The cross-door rules use it: a statement that is known once a request's bytes are taken out was made by them.
func (g *Guard) Knows(s *screen.Statement) bool {
	st := g.state.Load()
	if _, cleared := st.structures.find(structureKey(s.Fingerprint(g.key))); cleared {
		return true
	}
	loose, _ := s.Loose(g.key)
	_, cleared := st.loose.find(structureKey(loose))
	return cleared
}

// inspect makes the verdict of s, or takes kept, that of a clean statement of its exact structure: the built-in rules see
// nothing in two texts of one structure that they would judge differently. Rules of others may, so they see each text.
func (g *Guard) inspect(st *state, s *screen.Statement, kept *Verdict) *Verdict {
	if g.builtin && kept != nil {
		return kept
	}
	v := &Verdict{Cost: screen.Cost(s), ReadOnly: screen.ReadOnly(s)}
	if st.settings.inspects() {
		v.Findings = screen.Check(s, g.rules)
		v.weight = screen.Weight(v.Findings)
		v.Marked = marked(s, v.Findings)
	}
	v.Fingerprint, _ = s.Loose(g.key)
	v.structure = g.structures.of(v.Fingerprint, s.Skeleton)
	v.Skeleton = v.structure.skeleton
	return v
}

// marked points at the weightiest of findings in s.
func marked(s *screen.Statement, findings []screen.Finding) []screen.Piece {
	if len(findings) == 0 {
		return nil
	}
	worst := slices.MaxFunc(findings, func(a, b screen.Finding) int { return a.Weight - b.Weight })
	return s.Marked(worst.Offset, worst.End)
}

// with is v with the findings of the cross-door rules in s added; v itself stays as it is.
func (v *Verdict) with(s *screen.Statement, crossing []screen.Finding) *Verdict {
	more := *v
	more.Marked = marked(s, crossing)
	more.Findings = slices.Concat(v.Findings, crossing)
	more.crossing = screen.Weight(crossing)
	return &more
}

// decide lets v pass or refuses q by it.
func (g *Guard) decide(st *state, q *Query, v *Verdict) (*Verdict, error) {
	set := &st.settings
	byRules := set.Screen == Enforce && v.weight >= screen.Refuse
	byCrossing := set.CrossDoor == Enforce && v.crossing > 0 && v.crossing+v.weight >= screen.Refuse
	if byRules || byCrossing {
		incident := newIncident()
		return nil, g.refuse(q, v, incident, &BlockedError{Rules: v.rules(), Fingerprint: v.Fingerprint, Incident: incident})
	}
	if limit := set.Limits.Complexity; limit > 0 && v.Cost > limit && set.Screen == Enforce {
		incident := newIncident()
		return nil, g.refuse(q, v, incident, &TooComplexError{Cost: v.Cost, Limit: limit, Fingerprint: v.Fingerprint, Incident: incident})
	}
	return v, nil
}

// refuse counts, keeps and reports a refusal, and returns its error.
func (g *Guard) refuse(q *Query, v *Verdict, incident string, err error) error {
	if _, blocked := err.(*BlockedError); blocked {
		g.counts.blocked.Add(1)
	} else {
		g.counts.tooComplex.Add(1)
	}
	r := Report{At: g.now(), Client: q.Client, Verdict: v, Err: err, Incident: incident}
	g.recent.addBlocked(&r)
	g.report(&r)
	return err
}

// rules are the names of those that found something, each once.
func (v *Verdict) rules() []string {
	var names []string
	for _, f := range v.Findings {
		if !slices.Contains(names, f.Rule) {
			names = append(names, f.Rule)
		}
	}
	return names
}

// newIncident is an id that a person can read out: ten letters and digits, 50 random bits.
func newIncident() string { return rand.Text()[:10] }
