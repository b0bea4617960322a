package screen

import "bytes"

// maxCodeDepth bounds code within code: DO $$ … EXECUTE '…' $$.
const maxCodeDepth = 3

// codeInText looks into the code that DO runs, and the texts that EXECUTE there runs, for what no honest code holds.
func codeInText() Rule {
	return Rule{Name: "code", Check: func(s *Statement) []Finding { return checkCode(s, 0) }}
}

// checkCode reads the bodies in s, which stands depth bodies deep.
func checkCode(s *Statement, depth int) []Finding {
	s.index()
	if depth >= maxCodeDepth {
		return nil
	}
	runs := false // literals are code: the body of DO, or within one the text of EXECUTE
	for i := range s.Tokens {
		switch w := s.is(i); {
		case s.mark(i) == ';':
			runs = false
		case depth == 0 && w == wDo && (i == 0 || s.mark(i-1) == ';'), depth > 0 && w == wExecute:
			runs = true
		}
		if s.Tokens[i].Kind != String || !runs {
			continue
		}
		inner := Read(string(literalBody(s.Of(i))), Options{})
		found := Check(inner, []Rule{delay(), fileAccess()})
		if found == nil {
			found = checkCode(inner, depth+1)
		}
		inner.Release()
		if found == nil {
			continue
		}
		f := found[0]
		start, end := s.span(i, i+1)
		return []Finding{{Rule: "code", Reason: f.Reason + ", in code", Offset: start, End: end, Weight: f.Weight}}
	}
	return nil
}

// literalBody returns the inside of a literal, doubled quotes made one.
func literalBody(b []byte) []byte {
	if len(b) > 0 && b[0] == '$' {
		n := bytes.IndexByte(b[1:], '$') + 2
		if len(b) < 2*n {
			return nil
		}
		return b[n : len(b)-n]
	}
	from := bytes.IndexByte(b, '\'')
	if from < 0 || len(b) < from+2 {
		return nil
	}
	return bytes.ReplaceAll(b[from+1:len(b)-1], []byte("''"), []byte("'"))
}
