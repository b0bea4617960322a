// Package screen reads SQL text the way PostgreSQL's scanner does and says what is wrong with it: text in, findings out.
package screen

// Rule is one thing that screening looks for.
type Rule struct {
	// Name is the rule's identifier in findings, logs and settings: "tautology".
	Name string
	// Check returns what the rule finds in s, nil where nothing. It must not keep s.
	Check func(s *Statement) []Finding
}

// Finding is one reason to distrust a statement.
type Finding struct {
	// Rule is the name of the rule that found it.
	Rule string
	// Reason is one sentence for the log; it never holds a literal of the statement.
	Reason string
	// Offset and End are byte positions in the statement's text, half open.
	Offset, End int
	// Weight is added over all findings of a statement; a sum of 5 or more refuses it.
	Weight int
	// Learned is true where the weight rests on structures that were learned from the app: it counts only once enough of them were.
	Learned bool
	// Crossing tells which request the bytes came from; nil where no request is involved.
	Crossing *Crossing
	// Hint is true where the finding only says whose statement it may be: it speaks against nobody and stands at no place.
	Hint bool
}

// Crossing names the input of a request whose bytes became SQL structure. It holds no values.
type Crossing struct {
	// Request is the request's id, Client its client key, Route "METHOD /path".
	Request, Client, Route string
	// Source is the kind of input ("query", "form", "json", "path", "header", "cookie"), Param its name.
	Source, Param string
	// Length is that of the value as it was found, in bytes, 0 where no value was. Hash is a keyed one of it, the same for the same value
	// as long as the process lives.
	Length int
	Hash   string
	// Verdict is "confirmed", "hard" or "seen"; that of a hint is "traced" (a comment in the statement bears the request's trace), "alone"
	// (no other request was in flight) or "contained" (an input stands inside a literal, where it belongs).
	Verdict string
	// Ambiguous reports that another request in flight carried the same bytes, so that no client may be held for it.
	Ambiguous bool
}
