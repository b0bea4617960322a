package wire

import "strings"

type wordKind byte

const (
	wordEnd wordKind = iota
	wordName
	wordText // a literal's content
	wordSymbol
	wordSemicolon
)

// word is one token, as far as session state is concerned. Keywords are in lower case.
type word struct {
	kind wordKind
	text string
	// exact reports a quoted name, which means itself in its own case.
	exact  bool
	symbol byte
}

// words splits SQL into words: comments and white space out, literals whole. It judges nothing; screening does.
type words struct {
	sql       string
	at        int
	backslash bool
}

// next returns the next word, wordEnd at the end and at whatever has no end.
func (w *words) next() word {
	w.space()
	if w.at >= len(w.sql) {
		return word{}
	}
	start, c := w.at, w.sql[w.at]
	switch {
	case isNameStart(c):
		return w.name()
	case c == '\'':
		return w.quoted('\'', w.backslash)
	case c == '"':
		q := w.quoted('"', false)
		q.kind, q.exact = wordName, true
		return q
	case c == '$':
		return w.dollar()
	case c == ';':
		w.at++
		return word{kind: wordSemicolon}
	case c >= '0' && c <= '9':
		for w.at < len(w.sql) && isNamePart(w.sql[w.at]) {
			w.at++
		}
		return word{kind: wordText, text: w.sql[start:w.at]}
	}
	w.at++
	return word{kind: wordSymbol, symbol: c}
}

func isNameStart(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= 0x80 }

func isNamePart(c byte) bool { return isNameStart(c) || c >= '0' && c <= '9' || c == '$' }

// space skips white space and comments, which nest.
func (w *words) space() {
	for w.at < len(w.sql) {
		switch rest := w.sql[w.at:]; {
		case rest[0] == ' ' || rest[0] >= '\t' && rest[0] <= '\r':
			w.at++
		case strings.HasPrefix(rest, "--"):
			if end := strings.IndexAny(rest, "\r\n"); end >= 0 {
				w.at += end
			} else {
				w.at = len(w.sql)
			}
		case strings.HasPrefix(rest, "/*"):
			w.comment()
		default:
			return
		}
	}
}

func (w *words) comment() {
	depth := 0
	for w.at < len(w.sql) {
		switch rest := w.sql[w.at:]; {
		case strings.HasPrefix(rest, "/*"):
			depth++
			w.at += 2
		case strings.HasPrefix(rest, "*/"):
			w.at += 2
			if depth--; depth == 0 {
				return
			}
		default:
			w.at++
		}
	}
}

// name reads a name, or the literal that a prefix such as E opens.
func (w *words) name() word {
	start := w.at
	for w.at < len(w.sql) && isNamePart(w.sql[w.at]) {
		w.at++
	}
	text := w.sql[start:w.at]
	if w.at < len(w.sql) && w.sql[w.at] == '\'' && len(text) == 1 {
		switch text[0] | 0x20 {
		case 'e':
			return w.quoted('\'', true)
		case 'b', 'x', 'n':
			return w.quoted('\'', w.backslash)
		}
	}
	return word{kind: wordName, text: folded(text)}
}

// keywords are the names that marks look for.
var keywords = keywordSet("set reset listen unlisten close drop prepare transaction deallocate discard commit end all temp temporary hold with " +
	"create local global into replace set_config session characteristics authorization constraints seed time names schema xml client_encoding do true")

func keywordSet(list string) map[string]string {
	set := map[string]string{}
	for word := range strings.FieldsSeq(list) {
		set[word] = word
	}
	return set
}

// folded is a name in lower case where that matters: a keyword or a function of PostgreSQL's own. Others stay as they are, so that
// an ordinary query costs no copy.
func folded(s string) string {
	var small [24]byte
	if len(s) > len(small) {
		if strings.EqualFold(s[:3], "pg_") {
			return strings.ToLower(s)
		}
		return s
	}
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		small[i] = c
	}
	low := small[:len(s)]
	if word, ok := keywords[string(low)]; ok {
		return word
	}
	if len(low) > 3 && string(low[:3]) == "pg_" {
		return string(low)
	}
	return s
}

// quoted reads to the closing quote; a doubled one stands for itself.
func (w *words) quoted(quote byte, backslash bool) word {
	w.at++
	start, doubled := w.at, false
	for w.at < len(w.sql) {
		c := w.sql[w.at]
		w.at++
		switch {
		case c == '\\' && backslash:
			w.at++
		case c == quote && w.at < len(w.sql) && w.sql[w.at] == quote:
			doubled = true
			w.at++
		case c == quote:
			text := w.sql[start : w.at-1]
			if doubled {
				text = strings.ReplaceAll(text, string([]byte{quote, quote}), string(quote))
			}
			return word{kind: wordText, text: text}
		}
	}
	w.at = len(w.sql)
	return word{}
}

// dollar reads $tag$…$tag$, or a parameter such as $1.
func (w *words) dollar() word {
	end := w.at + 1
	for end < len(w.sql) && isNamePart(w.sql[end]) && w.sql[end] != '$' {
		end++
	}
	digit := end > w.at+1 && w.sql[w.at+1] >= '0' && w.sql[w.at+1] <= '9'
	if digit || end >= len(w.sql) || w.sql[end] != '$' {
		w.at = end
		return word{kind: wordSymbol, symbol: '$'}
	}
	tag := w.sql[w.at : end+1]
	body := w.sql[end+1:]
	n := strings.Index(body, tag)
	if n < 0 {
		w.at = len(w.sql)
		return word{}
	}
	w.at = end + 1 + n + len(tag)
	return word{kind: wordText, text: body[:n]}
}
