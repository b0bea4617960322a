package screen

import "fmt"

// grown is the weight of growth: with a rule of 3 it refuses, alone never, since pages that build their queries grow them too.
const grown = 2

// GrowthRule returns the rule that finds a known statement of m in which one value became several tokens.
func (m *Model) GrowthRule() Rule {
	return Rule{Name: "growth", Check: func(s *Statement) []Finding {
		if m.Knows(s) || s.isBatch() { // a batch is its statement over and over, so it always looks grown
			return nil
		}
		g, ok := m.Growth(s)
		if !ok {
			return nil
		}
		weight := grown
		if s.Fault != "" {
			weight = 0 // the server refuses it; it is what an honest O'Brien looks like in an app that forgets to quote
		}
		start, end := s.span(g.From, g.To)
		reason := fmt.Sprintf("value %d of a known statement became %d tokens", g.Slot, g.To-g.From)
		return []Finding{{Rule: "growth", Reason: reason, Offset: start, End: end, Weight: weight, Learned: true}}
	}}
}
