package crossdoor

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// percentDecode decodes %XX and %uXXXX and leaves what is neither as it stands; with plus it also reads + as a space.
func percentDecode(s string, plus bool) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '%' && i+5 < len(s) && s[i+1]|0x20 == 'u' && hexN(s[i+2:i+6]) >= 0:
			out = utf8.AppendRune(out, hexN(s[i+2:i+6]))
			i += 5
		case c == '%' && i+2 < len(s) && hexN(s[i+1:i+3]) >= 0:
			out = append(out, byte(hexN(s[i+1:i+3])))
			i += 2
		case c == '+' && plus:
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// unescape reads backslash escapes as JSON, JavaScript, C and cookies do; an unknown one loses its backslash.
func unescape(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			continue
		}
		i++
		switch c := s[i]; {
		case c == 'u' && i+4 < len(s) && hexN(s[i+1:i+5]) >= 0:
			out = utf8.AppendRune(out, hexN(s[i+1:i+5]))
			i += 4
		case c == 'x' && i+2 < len(s) && hexN(s[i+1:i+3]) >= 0:
			out = append(out, byte(hexN(s[i+1:i+3])))
			i += 2
		case '0' <= c && c <= '3' && i+2 < len(s) && isOctal(s[i+1]) && isOctal(s[i+2]):
			out = append(out, (c-'0')<<6|(s[i+1]-'0')<<3|(s[i+2]-'0'))
			i += 2
		case strings.IndexByte("nrtbfv", c) >= 0:
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

func isOctal(c byte) bool { return '0' <= c && c <= '7' }

// hexN reads s as hexadecimal; -1 where it is not.
func hexN(s string) rune {
	var n rune
	for i := range len(s) {
		d := hexDigit(s[i])
		if d < 0 {
			return -1
		}
		n = n<<4 | d
	}
	return n
}

func hexDigit(c byte) rune {
	switch {
	case '0' <= c && c <= '9':
		return rune(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return rune(c|0x20-'a') + 10
	}
	return -1
}

// without takes out all that stands between begin and end, as strip_tags does and filters that remove comments. What begins and does not
// end stays.
func without(s, begin, end string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(s, begin)
		_, after, ends := strings.Cut(rest, end)
		if !found || !ends {
			out.WriteString(s)
			return out.String()
		}
		out.WriteString(before)
		s = after
	}
}

// narrow maps compatible forms, such as fullwidth ones, and typographic quotes, dashes and blanks to ASCII, as NFKC and "smart" clean-up
// do; letters that ToUpper or ToLower makes ASCII, too.
func narrow(s string) string {
	return strings.Map(func(r rune) rune {
		if a, ok := asciiFor[r]; ok {
			return a
		}
		return r
	}, norm.NFKC.String(s))
}

// plain takes the marks off letters and leaves out what is no ASCII then, as slugs and searches without accents do.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return -1
		}
		return r
	}, norm.NFKD.String(s))
}

// ascii leaves out what is no ASCII, as filters do that let printable characters pass.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf {
			return -1
		}
		return r
	}, s)
}

// asciiFor are the look-alikes that narrow replaces.
var asciiFor = map[rune]rune{
	'‘': '\'', '’': '\'', '‚': '\'', '‛': '\'', 'ʼ': '\'', '′': '\'', '´': '\'', '“': '"', '”': '"', '„': '"', '″': '"',
	'–': '-', '—': '-', '−': '-', '\u00a0': ' ', '\u3000': ' ', '\u200b': ' ', '\u2003': ' ', '；': ';', 'ı': 'i', 'ʹ': '\'', '＇': '\'',
}
