package screen

import (
	"bytes"
	"fmt"
)

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
		start, end := s.span(g.From, g.To)
		weight, reason := grown, fmt.Sprintf("value %d of a known statement became %d tokens", g.Slot, g.To-g.From)
		switch {
		case s.Fault != "":
			weight = 0 // the server refuses it; it is what an honest O'Brien looks like in an app that forgets to quote
		case s.usesUpQuote(g):
			weight, reason = Refuse, reason+", the last of which only uses up the app's closing quote"
		}
		return []Finding{{Rule: "growth", Reason: reason, Offset: start, End: end, Weight: weight, Learned: true}}
	}}
}

// usesUpQuote reports that what grew began as a string and ends with the comparison of two strings that are equal, such as '1'='1': who
// breaks out of a literal needs a use for the quote that the app closes it with, and nobody else compares what is equal in its last words.
func (s *Statement) usesUpQuote(g Growth) bool {
	last := g.To - 1
	return !g.Swallowed && last-g.From > 3 && s.Tokens[g.From].Kind == String && s.Tokens[last].Kind == String && s.Tokens[last-2].Kind == String &&
		s.mark(last-1) == '=' && bytes.Equal(s.Of(last), s.Of(last-2))
}
