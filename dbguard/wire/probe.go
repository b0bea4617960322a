package wire

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
)

// Separators in the list of settings that a probe asks for.
const (
	unitSeparator   = "\x1f"
	recordSeparator = "\x1e"
)

// touched is what statements since the last probe may have changed in the session.
type touched struct {
	pins     pins
	settings []string
	all      bool
	reset    bool
}

func (t *touched) any() bool { return t.pins != 0 || len(t.settings) > 0 || t.all || t.reset }

// add notes the marks of a statement that ran in a session holding the pins held.
func (t *touched) add(m *marks, held pins) {
	t.pins |= m.pins | m.frees&held
	if m.discardAll {
		t.pins |= held
	}
	t.reset = t.reset || m.resetAll || m.discardAll
	t.all = t.all || m.anySetting
	for _, name := range m.settings {
		if !slices.Contains(t.settings, name) {
			t.settings = append(t.settings, name)
		}
	}
}

// pinProbes are true while the session holds the state; in the order of the pins' bits.
var pinProbes = []string{
	"EXISTS (SELECT FROM pg_catalog.pg_listening_channels())",
	"EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = pg_catalog.pg_my_temp_schema())",
	"EXISTS (SELECT FROM pg_catalog.pg_prepared_statements WHERE from_sql)",
	"EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND pid = pg_catalog.pg_backend_pid())",
	"EXISTS (SELECT FROM pg_catalog.pg_cursors WHERE is_holdable)",
}

// probe asks the server, after the transaction, for the truth about what t says may have changed. It knows of rollbacks,
// savepoints and functions what no reader of SQL texts could.
func (t *touched) probe(applied values) string {
	var columns []string
	for i, p := range pinProbes {
		if t.pins&(1<<i) != 0 {
			columns = append(columns, p)
		}
	}
	for _, name := range t.settings {
		columns = append(columns, "pg_catalog.current_setting("+literal(name)+",true)")
	}
	if t.every(applied) {
		columns = append(columns, "pg_catalog.current_setting('role')",
			"(SELECT pg_catalog.string_agg(name || pg_catalog.chr(31) || pg_catalog.current_setting(name), pg_catalog.chr(30)) "+
				"FROM pg_catalog.pg_settings WHERE source = 'session')")
	}
	return "SELECT " + strings.Join(columns, ",")
}

// every reports that the names are unknown, so that all settings of the session must be read.
func (t *touched) every(applied values) bool { return t.all || t.reset && applied.sig != "" }

// nothing reports that there is nothing to ask: a RESET ALL where nothing was set.
func (t *touched) nothing(applied values) bool {
	return t.pins == 0 && len(t.settings) == 0 && !t.every(applied)
}

// read takes the probe's row and returns the pins and settings that hold now.
func (t *touched) read(row []byte, held pins, applied values) (pins, values) {
	r := rowReader{rest: row[min(2, len(row)):]}
	for i := range pinProbes {
		if bit := pins(1 << i); t.pins&bit != 0 {
			held &^= bit
			if v, _ := r.next(); v == "t" {
				held |= bit
			}
		}
	}
	now := maps.Clone(applied.of)
	if now == nil {
		now = map[string]string{}
	}
	for _, name := range t.settings {
		if v, ok := r.next(); ok {
			now[name] = v
		} else {
			delete(now, name)
		}
	}
	if t.every(applied) {
		now = everySetting(&r)
	}
	return held, newValues(now)
}

func everySetting(r *rowReader) map[string]string {
	now := map[string]string{}
	if role, ok := r.next(); ok && role != "none" {
		now["role"] = role
	}
	list, _ := r.next()
	for record := range strings.SplitSeq(list, recordSeparator) {
		if name, value, ok := strings.Cut(record, unitSeparator); ok {
			now[strings.ToLower(name)] = value
		}
	}
	return now
}

// rowReader reads the columns of a DataRow's body after their count.
type rowReader struct{ rest []byte }

// next is the next column; ok is false where it is null or missing.
func (r *rowReader) next() (value string, ok bool) {
	if len(r.rest) < 4 {
		return "", false
	}
	n := int(int32(binary.BigEndian.Uint32(r.rest)))
	r.rest = r.rest[4:]
	if n < 0 || n > len(r.rest) {
		return "", false
	}
	value, r.rest = string(r.rest[:n]), r.rest[n:]
	return value, true
}
