package crossdoor

// growth tells which tokens of the statement, half open, grew out of one value of a known one; ok is false where it is no grown form, and
// where what grew is a list that honest visitors send.
// The model is asked once.
func (j *judge) growth() (from, to int, ok bool) {
	if !j.grownAsked {
		j.grownAsked = true
		j.grownFrom, j.grownTo, j.isGrown = j.model.Grown(j.statement)
		if j.isGrown {
			s := shapeOf(j.statement, j.grownFrom, j.grownTo-1)
			j.isGrown = s == anyShape || s == wordsShape
		}
	}
	return j.grownFrom, j.grownTo, j.isGrown
}

// over is sp widened to tokens [from, to).
func (j *judge) over(from, to int, sp span) span {
	s := j.statement
	sp.start, sp.end, sp.how = int(s.Tokens[from].Start), int(s.Tokens[to-1].End), part
	return sp
}

// maxOwn is how many literals of the app's own may stand among tokens that grew: what the value left of its quotes on both sides.
const maxOwn = 2

// fillsGrowth reports that places of a request's values, which do not overlap and are in order, hold the tokens that stand where a known
// statement has one value, but for literals before and behind them. Then it does not matter how the app changed the value first, nor what
// else of the statement the request holds.
func (j *judge) fillsGrowth(crossing []span) (span, bool) {
	from, to, ok := j.growth()
	if !ok {
		return span{}, false
	}
	s := j.statement
	own, next, held := 0, 0, -1
	for i := from; i < to; i++ {
		t := s.Tokens[i]
		for next < len(crossing) && crossing[next].end <= int(t.Start) {
			next++
		}
		if next < len(crossing) && crossing[next].start < int(t.End) {
			held = next
			continue
		}
		if own++; own > maxOwn || !isText(t.Kind) {
			return span{}, false
		}
	}
	if held < 0 {
		return span{}, false
	}
	return j.over(from, to, crossing[held]), true
}
