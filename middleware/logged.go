package middleware

import "strings"

// unusual stands in logs for words that may be a value: a client chooses names, paths and its agent's name as it likes.
const unusual = "(unusual)"

// isUsual reports a text whose bytes are letters, digits, of further, or not ASCII.
func isUsual(s, further string) bool {
	for i := range len(s) {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c < 0x80 && strings.IndexByte(further, c) < 0 {
			return false
		}
	}
	return true
}

// Bytes that paths, names of parameters and agents have beside letters and digits.
const (
	inPath  = "/-._~!$&+,@:"
	inName  = "-._~[]$@:%+"
	inAgent = " /-._;:,()+@[]"
)

// PlainPath is path as logs and events have it: a segment with bytes that belong to no route is *, since a value may stand there.
func PlainPath(path string) string {
	if isUsual(path, inPath) {
		return path
	}
	return string(appendPlainPath(nil, path))
}

func appendPlainPath(b []byte, path string) []byte {
	first := true
	for segment := range strings.SplitSeq(path, "/") {
		if !first {
			b = append(b, '/')
		}
		first = false
		if isUsual(segment, inPath) {
			b = appendJSON(b, segment)
		} else {
			b = append(b, '*')
		}
	}
	return b
}

// isUsualName reports a parameter's name: usual bytes, and no escape but that of a bracket.
func isUsualName(name string) bool {
	if len(name) > 64 || !isUsual(name, inName) {
		return false
	}
	for rest := name; ; {
		_, after, escaped := strings.Cut(rest, "%")
		if !escaped {
			return true
		}
		if len(after) < 2 || after[0] != '5' || after[1]|0x20 != 'b' && after[1]|0x20 != 'd' {
			return false
		}
		rest = after
	}
}

// plainAgent is a User-Agent header as the log has it.
func plainAgent(agent string) string {
	if !isUsual(agent, inAgent) || strings.Contains(agent, "--") {
		return unusual
	}
	return agent
}
