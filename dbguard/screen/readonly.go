package screen

import "strings"

// Statements returns the number of statements in s: runs of tokens between semicolons outside brackets and outside BEGIN ATOMIC.
func Statements(s *Statement) int {
	s.index()
	n, open := 0, false
	for i := 0; i < len(s.Tokens); i++ {
		switch {
		case s.mark(i) == ';':
			open = false
			continue
		case s.mark(i) == '(':
			i = s.closing(i)
		case s.is(i) == wAtomic && s.is(i-1) == wBegin:
			i = s.atomicEnd(i)
		}
		if !open {
			open = true
			n++
		}
	}
	return n
}

// atomicEnd returns the END of the BEGIN ATOMIC body at i, the last token where it has none.
func (s *Statement) atomicEnd(i int) int {
	for depth := 1; i < len(s.Tokens)-1; {
		i++
		switch s.is(i) {
		case wCase:
			depth++
		case wEnd:
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s.Tokens) - 1
}

// ReadOnly reports one statement that only reads: SELECT, SHOW, VALUES or TABLE without INTO, without a row lock and without a call
// known to write. Functions that it does not know are taken to read.
func ReadOnly(s *Statement) bool {
	s.index()
	start := 0
	for s.mark(start) == '(' {
		start++
	}
	switch s.is(start) {
	case wSelect, wShow, wValues, wTable:
	default:
		return false
	}
	if s.Fault != "" || Statements(s) != 1 {
		return false
	}
	for i := range s.Tokens {
		switch s.is(i) {
		case wInto, wInsert, wDelete, wMerge:
			return false
		case wFor:
			if locks(s.name(i + 1)) {
				return false
			}
		}
		if name := s.called(i); name != "" && writes(name) {
			return false
		}
	}
	return true
}

func locks(next string) bool {
	return next == "update" || next == "share" || next == "no" || next == "key"
}

// writers are prefixes of functions that change something.
var writers = []string{
	"nextval", "setval", "set_config", "lo_", "lowrite", "pg_advisory", "pg_try_advisory", "pg_notify", "pg_terminate", "pg_cancel",
	"pg_reload", "pg_rotate", "pg_switch", "pg_create", "pg_drop", "pg_logical", "pg_replication", "pg_stat_reset", "pg_import",
	"pg_file", "pg_sleep", "dblink", "txid_current", "pg_current_xact_id", "pg_promote", "pg_backup", "pg_wal_replay", "query_to_xml",
}

func writes(name string) bool {
	for _, p := range writers {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}
