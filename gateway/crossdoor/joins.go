package crossdoor

import "strings"

// joins are the values of fields that come more than once, which apps join.
type joins struct {
	seen  map[string]*repeated
	order []*repeated // as they came first
}

// repeated are the values of one name, and their bytes together.
type repeated struct {
	name  string
	all   []string
	bytes int
}

// Bounds of what is joined: names of one request, bytes of one name's values.
const (
	maxJoined      = 32
	maxJoinedBytes = 8 << 10
)

// add notes a value. q[0] and q[1] are one name, and so is q[].
func (j *joins) add(name, text string) {
	name = withoutIndex(name)
	if j.seen == nil {
		j.seen = make(map[string]*repeated, 8)
	}
	r := j.seen[name]
	if r == nil {
		if len(j.seen) >= maxJoined {
			return
		}
		r = &repeated{name: strings.Clone(name)}
		j.seen[r.name], j.order = r, append(j.order, r)
	}
	if r.bytes+len(text) <= maxJoinedBytes {
		r.all = append(r.all, text)
		r.bytes += len(text)
	}
}

// keep makes inputs of the values that came more than once.
func (j *joins) keep(e *entry, from source) {
	for _, r := range j.order {
		if len(r.all) > 1 {
			e.input(from, r.name, strings.Join(r.all, ","))
			e.input(from, r.name, strings.Join(r.all, ", "))
			e.input(from, r.name, strings.Join(r.all, " "))
		}
	}
}

// withoutIndex is name without a number in brackets, or none, at its end.
func withoutIndex(name string) string {
	if !strings.HasSuffix(name, "]") {
		return name
	}
	if i := strings.LastIndexByte(name, '['); i > 0 && strings.Trim(name[i+1:len(name)-1], "0123456789") == "" {
		return name[:i]
	}
	return name
}
