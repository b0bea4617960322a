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
	asksCross := st.settings.CrossDoor != Off
	if v != nil && (cleared >= clearedEnough || !asksCross || st.tooComplex(v)) {
		g.counts.known.Add(1)
		return g.decide(st, &q, v)
	}
	s := screen.Read(q.SQL, screen.Options{BackslashQuotes: q.BackslashQuotes})
	defer s.Release()
	exact := s.Fingerprint(g.key)
	kept, cleared := st.structures.find(structureKey(exact))
	if v == nil {
		g.counts.read.Add(1)
		v = g.inspect(st, s, exact, kept)
	}
	switch {
	case st.tooComplex(v): // refused whoever sent it; a search in such a text would cost more than it tells
		st.texts.keep(key, v, 0)
	case !asksCross:
		st.keepClean(v)
		st.texts.keep(key, v, 0)
	case cleared >= clearedEnough || g.model.Known(exact):
		st.texts.keep(key, v, clearedEnough)
	case g.model.Knows(s): // a list that became shorter, and from now on a structure of its own
		st.texts.keep(key, v, clearedEnough)
		if screen.Clean(v.Findings) {
			g.model.Learn(s, "", true)
		}
	default:
		return g.cross(st, &q, s, key, v, cleared)
	}
	return g.decide(st, &q, v)
}

// cross asks the cross-door rules about a statement of a structure that is not known, and learns it where it is clean.
func (g *Guard) cross(st *state, q *Query, s *screen.Statement, text cacheKey, v *Verdict, cleared int8) (*Verdict, error) {
	findings, hints := apart(screen.Check(s, g.crossRules))
	screen.Corroborated(findings, v.Findings)
	st.texts.keep(text, v, 0)
	if screen.Clean(v.Findings) && !slices.ContainsFunc(findings, isCrossing) {
		g.learn(st, s, v, g.sighting(findings))
	}
	if len(findings) > 0 {
		v = v.with(s, findings)
	}
	if len(hints) > 0 {
		more := *v
		more.Hints, v = hints, &more
	}
	return g.decide(st, q, v)
}

// apart takes the hints out of found.
func apart(found []screen.Finding) (findings []screen.Finding, hints []screen.Crossing) {
	for _, f := range found {
		if f.Hint {
			hints = append(hints, *f.Crossing)
		}
	}
	return slices.DeleteFunc(found, func(f screen.Finding) bool { return f.Hint }), hints
}

// isCrossing reports a finding that may come from a request. Growth may not: pages that build their queries grow them too.
func isCrossing(f screen.Finding) bool { return f.Rule != "growth" }

// sighting is what the statement at hand tells of its structure, before it is noted.
type sighting struct {
	points int8
	origin uint64
}

// sighting weighs a clean statement: found is nothing or growth.
func (g *Guard) sighting(found []screen.Finding) sighting {
	origin, quiet := g.origin()
	switch {
	case len(found) > 0:
		return sighting{clearedGrown, origin}
	case quiet:
		return sighting{clearedEnough, 0}
	}
	return sighting{clearedFull, origin}
}

// learn notes a sighting of a clean statement, whose structure is known once it has points enough. What the model does not take, such as
// code in literals, never is.
func (g *Guard) learn(st *state, s *screen.Statement, v *Verdict, now sighting) {
	key := structureKey(v.exact)
	if !g.model.Learnable(s) {
		return
	}
	st.structures.sight(key, v, now.points, now.origin)
	st.loose.sight(structureKey(v.Fingerprint), v, now.points, now.origin)
	g.learnSorted(st, s, v, now)
	if _, cleared := st.structures.find(key); cleared >= clearedEnough {
		g.model.Learn(s, "", true)
	}
}

// keepClean keeps v for its structure where nothing was found.
func (st *state) keepClean(v *Verdict) {
	if v.Findings == nil {
		st.structures.keep(structureKey(v.exact), v, 0)
	}
}

// maxSorted bounds the names of one statement that are learned as places for any name.
const maxSorted = 4

// learnSorted keeps the structures of s with any other name in each place that apps let their users sort or group by.
func (g *Guard) learnSorted(st *state, s *screen.Statement, v *Verdict, now sighting) {
	var other screen.Statement
	n := 0
	s.SortNames(func(start, end int) {
		if n++; n <= maxSorted {
			other.Splice(s, start, end, screen.AnyName)
			loose, _ := other.Loose(g.key)
			st.loose.sight(structureKey(loose), v, now.points, now.origin)
		}
	})
}

// Knows reports whether s has a structure, exact or with lists collapsed, that was found clean twice or learned from a file.
// The cross-door rules use it: a statement that is known once a request's bytes are taken out was made by them.
func (g *Guard) Knows(s *screen.Statement) bool {
	st := g.state.Load()
	if _, cleared := st.structures.find(structureKey(s.Fingerprint(g.key))); cleared >= clearedEnough {
		return true
	}
	loose, _ := s.Loose(g.key)
	if _, cleared := st.loose.find(structureKey(loose)); cleared >= clearedEnough {
		return true
	}
	return g.model.Knows(s)
}

// Grown tells which tokens of s, half open, stand where a known statement has one value; ok is false where s is no such statement, is
// known itself, as Knows has it, or only repeats more often what the known one has.
func (g *Guard) Grown(s *screen.Statement) (from, to int, ok bool) {
	if g.Knows(s) {
		return 0, 0, false
	}
	found, ok := g.model.Growth(s)
	return found.From, found.To, ok && !found.Repeats
}

// maxJudged is how many tokens a statement that is refused for its cost may have and still be read for more than that.
const maxJudged = 4096

// inspect makes the verdict of s, or takes kept, that of a statement of its exact structure, where nothing was found in that:
// the built-in rules see nothing in two texts of one structure that they would judge differently. Rules of others may, so they
// see each text.
func (g *Guard) inspect(st *state, s *screen.Statement, exact screen.Fingerprint, kept *Verdict) *Verdict {
	if g.builtin && kept != nil && kept.Findings == nil {
		return kept
	}
	v := &Verdict{Cost: screen.Cost(s), exact: exact, broken: s.Fault != "", empty: len(s.Tokens) == 0}
	if len(s.Tokens) > maxJudged && st.tooComplex(v) {
		v.Fingerprint = exact // it is refused whatever it says: nothing more is asked
	} else {
		if st.settings.inspects() {
			v.Findings = screen.Check(s, g.rules)
			v.weight = screen.Weight(v.Findings)
			v.Marked = marked(s, v.Findings)
		}
		v.ReadOnly = screen.ReadOnly(s)
		v.Fingerprint, _ = s.Loose(g.key)
	}
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
	more.unlearned = screen.Weight(slices.DeleteFunc(slices.Clone(crossing), func(f screen.Finding) bool { return f.Learned }))
	return &more
}

// tooComplex reports that v is refused for its cost alone.
func (st *state) tooComplex(v *Verdict) bool {
	limit := st.settings.Limits.Complexity
	return st.settings.Screen == Enforce && limit > 0 && v.Cost > limit
}

// decide lets v pass or refuses q by it.
func (g *Guard) decide(st *state, q *Query, v *Verdict) (*Verdict, error) {
	set := &st.settings
	byRules := set.Screen == Enforce && v.weight >= screen.Refuse
	byCrossing := set.CrossDoor == Enforce && v.crossing > 0 && g.refusesByCrossing(v)
	if byRules || byCrossing {
		incident := newIncident()
		return nil, g.refuse(q, v, incident, &BlockedError{Rules: v.rules(), Fingerprint: v.Fingerprint, Incident: incident})
	}
	if limit := set.Limits.Complexity; st.tooComplex(v) {
		incident := newIncident()
		return nil, g.refuse(q, v, incident, &TooComplexError{Cost: v.Cost, Limit: limit, Fingerprint: v.Fingerprint, Incident: incident})
	}
	if a := g.allowed.Load(); a != nil && a.of(q.Client.User) != Off && !a.allows(q.Client.User, v) {
		v = v.notAllowed()
		if a.of(q.Client.User) == Enforce {
			incident := newIncident()
			return nil, g.refuse(q, v, incident, &BlockedError{Rules: v.rules(), Fingerprint: v.Fingerprint, Incident: incident})
		}
	}
	return v, nil
}

// refusesByCrossing reports that the evidence of requests is enough, with that of the rules; while the app's statements are being learned,
// without what rests on those.
func (g *Guard) refusesByCrossing(v *Verdict) bool {
	if v.crossing+v.weight < screen.Refuse {
		return false
	}
	return v.unlearned > 0 && v.unlearned+v.weight >= screen.Refuse || !g.isLearning()
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
