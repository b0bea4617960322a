package screen

// The faults of a number and of a parameter that letters follow.
const (
	junkFault      = "trailing junk after numeric literal"
	paramJunkFault = "trailing junk after parameter"
)

// lexNumber reads a number; i stands at its first digit or at the point before it. Letters right behind it are a fault.
func (s *Statement) lexNumber(i int) int {
	t := s.text
	if t[i] == '0' {
		if set := radix(s.at(i + 1)); set != "" {
			return s.lexRadix(i, set)
		}
	}
	j := s.digits(i)
	if s.at(j) == '.' && s.at(j+1) != '.' {
		j++
		if classes[s.at(j)]&digit != 0 {
			j = s.digits(j)
		}
	}
	if lower[s.at(j)] == 'e' {
		k := j + 1
		if c := s.at(k); c == '+' || c == '-' {
			k++
		}
		if classes[s.at(k)]&digit != 0 {
			j = s.digits(k)
		}
	}
	return s.add(Number, Plain, i, s.junk(i, j))
}

// digits returns the end of the run of digits at i, single underscores between them included.
func (s *Statement) digits(i int) int {
	for classes[s.at(i)]&digit != 0 || s.at(i) == '_' && i > 0 && classes[s.text[i-1]]&digit != 0 && classes[s.at(i+1)]&digit != 0 {
		i++
	}
	return i
}

// junk notes letters that wrongly follow the number [i, j). PostgreSQL 15 and later refuse the text; before, a name began there, and
// so we read it, that nothing hides in it.
func (s *Statement) junk(i, j int) int {
	switch c := s.at(j); {
	case classes[c]&letter != 0:
		s.fail(i, junkFault)
	case c == '$': // as in 1e5$, where the name e5$ is longer than the exponent
		for k := j; k > i && continues(s.text[k-1]); k-- {
			if classes[s.text[k-1]]&letter != 0 {
				s.fail(i, junkFault)
			}
		}
	}
	return j
}

// radix returns the digits that may follow 0 and c, "" where c is no radix letter.
func radix(c byte) string {
	switch lower[c] {
	case 'x':
		return "0123456789abcdef"
	case 'o':
		return "01234567"
	case 'b':
		return "01"
	}
	return ""
}

func (s *Statement) lexRadix(i int, set string) int {
	in := func(c byte) bool {
		v := byte(255)
		if classes[c]&hexchar != 0 {
			v = hexValue(c)
		}
		return int(v) < len(set)
	}
	j := i + 2
	for in(s.at(j)) || s.at(j) == '_' && in(s.at(j+1)) {
		j++
	}
	if j == i+2 {
		s.fail(i, "invalid integer")
	}
	if continues(s.at(j)) {
		s.fail(i, junkFault)
	}
	return s.add(Number, Plain, i, j)
}

// lexParam reads $1.
func (s *Statement) lexParam(i int) int {
	j, v := i+1, 0
	for classes[s.at(j)]&digit != 0 {
		v = min(v*10+int(s.text[j]-'0'), 1<<40)
		j++
	}
	if v > 1<<31-1 {
		s.fail(i, "parameter number too large")
	}
	if classes[s.at(j)]&letter != 0 {
		s.fail(i, paramJunkFault)
	}
	return s.add(Param, Plain, i, j)
}
