package crossdoor

import (
	"bytes"
	"time"

	"sallyport/dbguard/screen"
)

// minPartTokens is how many tokens a part of a value covers to be worth a report without confirmation.
const minPartTokens = 4

// judge weighs the places of one request's values in one statement.
type judge struct {
	model     Known
	statement *screen.Statement
	lexes     int // counterfactual readings left of most
	most      int
	deadline  time.Time

	grownAsked, isGrown bool // see growth
	grownFrom, grownTo  int

	one, two screen.Statement // scratch
}

// begin prepares j for a statement and gives it lexes counterfactual readings, none of them after the deadline.
func (j *judge) begin(model Known, s *screen.Statement, lexes int, deadline time.Time) {
	j.model, j.statement, j.lexes, j.most, j.deadline, j.grownAsked = model, s, lexes, lexes, deadline, false
}

// reach is what a span covers of a statement.
type reach struct {
	first, last int  // tokens touched, last < first where none
	leaves      bool // it begins in a literal or comment and ends behind it
	cuts        bool // it begins or ends inside a word, number or operator
	comment     bool // a comment begins inside
	completes   bool // the second byte of what begins a comment is inside: a dash behind the app's own
	ends        bool // a semicolon is inside
	shape       shape
}

func (r reach) tokens() int { return r.last - r.first + 1 }

// crosses reports that the span is more than the inside of one token or comment.
func (r reach) crosses() bool { return r.tokens() > 1 || r.comment || r.completes || r.leaves }

// mayBeTakenOut reports that the rest of the statement tells whether the span was put in: it is no list of columns to show, and not
// what a statement begins with. Honest apps send both.
func (r reach) mayBeTakenOut() bool {
	return (r.tokens() > 0 || r.completes) && (r.first > 0 || r.leaves) && (r.shape == anyShape || r.shape == wordsShape)
}

// isHard reports that no honest app lets a value reach so far.
func (r reach) isHard() bool { return r.leaves || r.comment || r.ends || r.tokens() >= 6 }

// spans returns the strongest verdict over the places of one request's values, and the place that it stands on.
func (j *judge) spans(all []span) (best proof) {
	var taken, crossing [maxSpans]span
	t, n := 0, 0 // how many there are
	hull := span{start: len(j.statement.Text())}
	for _, sp := range all {
		r := j.reach(sp.start, sp.end)
		if j.wasSplit(sp, r) {
			continue
		}
		if v := j.alone(sp, r); v > best.verdict {
			best.verdict, best.span = v, sp
		}
		if !r.mayBeTakenOut() {
			continue
		}
		hull.start, hull.end = min(hull.start, sp.start), max(hull.end, sp.end)
		t = merge(taken[:], t, sp)
		if r.crosses() {
			n = merge(crossing[:], n, sp)
		}
	}
	best.alone = best.verdict
	if n == 0 {
		return best
	}
	where, ok := j.fillsGrowth(crossing[:n])
	if !ok {
		where, ok = j.confirm(crossing[:n], taken[:t], hull)
	}
	if ok {
		best.verdict, best.span = confirmed, where
	}
	return best
}

// merge adds sp to the first n of list, which are in order, or widens the last where they overlap, and returns how many there are.
func merge(list []span, n int, sp span) int {
	switch {
	case n == 0 || sp.start >= list[n-1].end:
		list[n] = sp
		return n + 1
	case sp.end > list[n-1].end:
		list[n-1].end = sp.end
	}
	return n
}

// alone is the verdict on one place without the model.
func (j *judge) alone(sp span, r reach) verdict {
	switch {
	case r.shape == valueShape && sp.how == exact && comparesWithItself(j.statement, r.first, r.last):
		return hard
	case !r.crosses(), r.completes && r.tokens() < 2 && !r.leaves && !r.comment, r.shape == valueShape, r.shape == pieceShape, r.shape == wordsShape:
		return nothing
	case r.first == 0 && !r.leaves:
		if r.last == len(j.statement.Tokens)-1 && sp.how == exact && r.tokens() > 2 {
			return seen // a whole statement: a console does that, and its route can be allowed
		}
		return nothing // an app's statements begin as many texts do
	case sp.how != exact:
		if r.cuts && !r.isHard() || sp.how == part && r.tokens() < minPartTokens {
			return nothing
		}
		return seen
	case r.shape == namesShape || sp.value.word:
		return seen
	case r.isHard() && len(sp.value.text) >= minHard, j.outgrows(sp, r):
		return hard
	case r.cuts, r.completes, r.tokens() == 2 && (j.isPunct(r.first) || j.isPunct(r.last)):
		return nothing
	}
	return suspected
}

func (j *judge) isPunct(i int) bool { return j.statement.Tokens[i].Kind == screen.Punct }

// reach measures the span [start, end).
func (j *judge) reach(start, end int) reach {
	s := j.statement
	r := reach{first: firstEndingAfter(s.Tokens, start)}
	r.last = r.first - 1
	for i := r.first; i < len(s.Tokens) && int(s.Tokens[i].Start) < end; i++ {
		r.last = i
		if s.Tokens[i].Kind == screen.Punct && s.Text()[s.Tokens[i].Start] == ';' {
			r.ends = true
		}
	}
	if r.tokens() > 0 {
		t := s.Tokens[r.first]
		r.leaves = isText(t.Kind) && int(t.Start) < start && end > int(t.End)
		l := s.Tokens[r.last]
		r.cuts = !isText(t.Kind) && int(t.Start) < start || !isText(l.Kind) && int(l.End) > end
	}
	for _, c := range s.Comments {
		switch from, to := int(c.Start), int(c.End); {
		case from >= start && from < end:
			r.comment = true
		case from == start-1 && from+1 < end:
			r.completes = true
		case from < start && start < to && to < end && r.tokens() > 0:
			r.leaves = true
		}
	}
	if r.crosses() && !r.isHard() && r.tokens() > 0 || r.tokens() > 1 && !r.leaves && !r.comment && !r.ends {
		r.shape = shapeOf(s, r.first, r.last)
	}
	return r
}

// firstEndingAfter returns the first token that ends after at; len(tokens) where none does.
func firstEndingAfter(tokens []screen.Token, at int) int {
	lo, hi := 0, len(tokens)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if int(tokens[mid].End) > at {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

func isText(k screen.Kind) bool { return k == screen.String || k == screen.Quoted }

// confirm takes the request's bytes out of the statement, puts a harmless value in, and asks the model whether it knows the rest:
// first all crossing places at once, then each alone, then all of the request's places, since half an escape in one literal sets free what
// stands in the next, then hull, all that lies between the request's first and last byte.
func (j *judge) confirm(crossing, taken []span, hull span) (span, bool) {
	if j.known(crossing) {
		return crossing[0], true
	}
	if len(crossing) > 1 {
		for i := range crossing {
			if j.known(crossing[i : i+1]) {
				return crossing[i], true
			}
		}
	}
	if len(taken) > len(crossing) && j.known(taken) {
		return crossing[0], true
	}
	if hull.end-hull.start == crossing[0].end-crossing[0].start || !j.reach(hull.start, hull.end).mayBeTakenOut() || !j.known([]span{hull}) {
		return span{}, false
	}
	hull.value = crossing[0].value
	return hull, true
}

// known reports whether the statement with the spans, which do not overlap, replaced by values is one that the app sends.
func (j *judge) known(spans []span) bool {
	for _, filler := range j.fillers(spans[0]) {
		if filler == "" || j.lexes <= 0 || j.isLate() {
			continue
		}
		j.lexes--
		if j.model.Knows(j.without(spans, filler)) {
			return true
		}
	}
	return false
}

// isLate reports that the time is over, which the first readings of a short statement are not asked: they cost next to nothing, and
// on a busy machine evidence must not hang on the scheduler.
func (j *judge) isLate() bool {
	few := j.lexes > j.most-freeLexes && len(j.statement.Text()) < shortStatement
	return !few && time.Now().After(j.deadline)
}

// Readings of statements shorter than shortStatement bytes that are made whatever the time is.
const (
	freeLexes      = 8
	shortStatement = 8 << 10
)

// without reads the statement with each span replaced, from the last to the first, so that positions stay true.
func (j *judge) without(spans []span, filler string) *screen.Statement {
	from, to, spare := j.statement, &j.one, &j.two
	for i := len(spans) - 1; i >= 0; i-- {
		to.Splice(from, spans[i].start, spans[i].end, filler)
		from, to, spare = to, spare, to
	}
	return from
}

// fillers are harmless values for the place where a span begins: inside a literal a letter, elsewhere a number or the name or operator
// that the span begins with, in a sort list any name, and behind one a direction.
func (j *judge) fillers(sp span) [3]string {
	s := j.statement
	i := firstEndingAfter(s.Tokens, sp.start)
	if i == len(s.Tokens) {
		return [3]string{"1"}
	}
	t := s.Tokens[i]
	if isText(t.Kind) && int(t.Start) < sp.start {
		return [3]string{"a"}
	}
	f := [3]string{"1"}
	if isName(t.Kind) || t.Kind == screen.Operator && !isSign(s.Of(i)) {
		f[1] = string(bytes.TrimSpace(s.Text()[max(int(t.Start), sp.start):min(int(t.End), sp.end)]))
	}
	switch {
	case !sortsAt(s, i):
	case s.Tokens[i-1].Kind != screen.Punct && !isWordOf(s.Of(i-1), "by"):
		f[0], f[2] = "asc", "desc"
	default:
		f[2] = screen.AnyName
	}
	return f
}
