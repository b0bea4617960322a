package screen

// class is what a byte may begin or continue; the sets are those of PostgreSQL's scan.l.
type class uint8

const (
	blank  class = 1 << iota
	letter       // begins an identifier: A-Z a-z _ and every byte above 127
	digit
	opchar // may stand in an operator
	self   // , ( ) [ ] ; is a token by itself
	hexchar
	special // may begin NULL, TRUE, FALSE, DEFAULT or DO
)

// classes and lower are by byte; lower folds ASCII only, as PostgreSQL does in UTF-8.
var (
	classes = classTable()
	lower   = lowerTable()
)

func classTable() (t [256]class) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '_', c >= 128:
			t[c] |= letter
		case c >= '0' && c <= '9':
			t[c] |= digit | hexchar
		}
	}
	for c, set := range map[class]string{
		blank: " \t\n\r\f\v", opchar: "~!@#^&|`?+-*/%<>=", self: ",()[];", hexchar: "abcdefABCDEF", special: "nNtTfFdD",
	} {
		for i := range len(set) {
			t[set[i]] |= c
		}
	}
	return t
}

func lowerTable() (t [256]byte) {
	for c := range t {
		t[c] = byte(c)
		if c >= 'A' && c <= 'Z' {
			t[c] += 'a' - 'A'
		}
	}
	return t
}

// continues reports that c may stand inside an identifier.
func continues(c byte) bool { return classes[c]&(letter|digit) != 0 || c == '$' }
