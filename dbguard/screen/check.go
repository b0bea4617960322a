package screen

import "slices"

// Refuse is the sum of weights that refuses a statement.
const Refuse = 5

// Corroborating is the weight of a crossing that counts only together with a rule of weight 3 or more that objects to the same bytes.
const Corroborating = 2

// Corroborated takes the weight of Corroborating from each crossing that no rule of weight 3 or more in found touches. It changes
// crossing.
func Corroborated(crossing, found []Finding) {
	for i := range crossing {
		c := &crossing[i]
		if c.Crossing == nil || c.Weight != Corroborating {
			continue
		}
		c.Weight = 0
		for _, f := range found {
			if f.Weight >= 3 && f.Offset < c.End && f.End > c.Offset {
				c.Weight = Corroborating
			}
		}
	}
}

// maxDepth is the nesting of brackets or CASEs up to which rules look; they may walk a text once per level. The complexity limit of 1000 ends
// at 39 levels already.
const maxDepth = 64

// Builtin returns the rules of structure, the most telling first. Each finds a statement at most once.
func Builtin() []Rule {
	return []Rule{
		tautology(), unionConstant(), unionCatalog(), delay(), fileAccess(), truncation(), errorCast(), charBuilding(),
		foreignDialect(), heavyQuery(), stacked(), probe(), brokenLexing(), catalogRead(), schemaChange(), codeInText(),
	}
}

// Check returns what the rules find in s, in order of appearance; nil where nothing.
func Check(s *Statement, rules []Rule) []Finding {
	s.index()
	if s.deepest > maxDepth {
		return []Finding{{Rule: "nesting", Reason: "brackets or CASEs nested too deep to look into", End: len(s.text), Weight: Refuse}}
	}
	var found []Finding
	for _, r := range rules {
		found = append(found, r.Check(s)...)
	}
	slices.SortStableFunc(found, func(a, b Finding) int { return a.Offset - b.Offset })
	return found
}

// Weight returns the sum of the findings' weights; Refuse or more refuses the statement.
func Weight(found []Finding) int {
	sum := 0
	for i := range found {
		sum += found[i].Weight
	}
	return sum
}

// rule makes a Rule of one finding: find returns the tokens [from, to) that it objects to and why, ok false where none.
func rule(name string, weight int, find func(s *Statement) (from, to int, reason string, ok bool)) Rule {
	return Rule{Name: name, Check: func(s *Statement) []Finding {
		s.index()
		from, to, reason, ok := find(s)
		if !ok {
			return nil
		}
		start, end := s.span(from, to)
		return []Finding{{Rule: name, Reason: reason, Offset: start, End: end, Weight: weight}}
	}}
}

// span returns the bytes of tokens [from, to).
func (s *Statement) span(from, to int) (start, end int) {
	if from >= len(s.Tokens) {
		return len(s.text), len(s.text)
	}
	to = min(max(to, from+1), len(s.Tokens))
	return int(s.Tokens[from].Start), int(s.Tokens[to-1].End)
}
