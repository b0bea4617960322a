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
	key := st.texts.key(&q)
	v, cleared := st.texts.find(key)
	asksCross := st.settings.CrossDoor != Off && len(g.cross) > 0
	if v != nil && (cleared || !asksCross) {
		g.counts.known.Add(1)
		return g.decide(st, &q, v)
	}
	s := read(&q)
	defer s.release()
	if v == nil {
		g.counts.read.Add(1)
		v = g.inspect(st, &s)
	}
	if asksCross {
		if findings := ask(g.cross, s.Statement); len(findings) > 0 {
			st.texts.keep(key, v, false)
			return g.decide(st, &q, v.with(findings))
		}
	}
	st.texts.keep(key, v, asksCross)
	return g.decide(st, &q, v)
}

// inspect asks the rules and makes the verdict, or takes the one that all clean texts of the structure share.
func (g *Guard) inspect(st *state, s *reading) *Verdict {
	var findings []screen.Finding
	if st.settings.Screen != Off || st.settings.CrossDoor != Off {
		findings = ask(g.rules, s.Statement)
	}
	known := g.structures.of(s.fingerprint, s.skeleton)
	shared := known.clean.Load()
	if findings == nil && shared != nil && shared.Cost == s.cost && shared.ReadOnly == s.readOnly {
		return shared
	}
	v := &Verdict{
		Fingerprint: s.fingerprint, Skeleton: known.skeleton, Cost: s.cost, Findings: findings, ReadOnly: s.readOnly,
		structure: known, weight: weigh(findings),
	}
	if findings == nil {
		known.clean.CompareAndSwap(nil, v)
	}
	return v
}

func ask(rules []screen.Rule, s *screen.Statement) []screen.Finding {
	var findings []screen.Finding
	for i := range rules {
		findings = append(findings, rules[i].Check(s)...)
	}
	return findings
}

func weigh(findings []screen.Finding) int {
	sum := 0
	for i := range findings {
		sum += findings[i].Weight
	}
	return sum
}

// with is v with the findings of the cross-door rules added; v itself stays as it is.
func (v *Verdict) with(crossing []screen.Finding) *Verdict {
	more := *v
	more.Findings = slices.Concat(v.Findings, crossing)
	more.crossing = weigh(crossing)
	return &more
}

// decide lets v pass or refuses q by it.
func (g *Guard) decide(st *state, q *Query, v *Verdict) (*Verdict, error) {
	set := &st.settings
	byRules := set.Screen == Enforce && v.weight >= refuseFrom
	byCrossing := set.CrossDoor == Enforce && v.crossing > 0 && v.crossing+v.weight >= refuseFrom
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
