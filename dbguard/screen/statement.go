package screen

import "sync"

// maxKept is the text a pooled Statement may have grown to, in bytes; larger ones are left to the collector.
const maxKept = 256 << 10

// Statement is one message's text, read. It is good for one goroutine at a time and ends with Release.
type Statement struct {
	// SQL is the text as it came; "" where it was read from bytes or made by Splice.
	SQL string
	// Tokens are in order of appearance, comments and blanks left out; good until Release.
	Tokens []Token
	// Comments are in order of appearance; good until Release.
	Comments []Comment
	// Fault is what PostgreSQL's scanner would complain of first, "" where nothing; FaultAt is where.
	Fault   string
	FaultAt int

	text     []byte // own copy of the text
	options  Options
	skeleton []byte           // scratch of fingerprints
	pairs    []int32          // partner of each bracket, CASE and END, -1 for the rest; see index
	deepest  int              // nesting of brackets or of CASEs; see index
	open     []int32          // scratch of index
	cases    []int32          // likewise
	marks    []mark           // scratch of marked
	rows     [maxRowDepth]row // scratch of loose fingerprints
	indexed  bool
}

// Options are the settings of a session that change how its text is read.
type Options struct {
	// BackslashQuotes is true while the session has standard_conforming_strings off, so that '\'' is one quote.
	BackslashQuotes bool
}

var pool = sync.Pool{New: func() any { return new(Statement) }}

// Read reads sql as PostgreSQL's scanner does. It never fails: what is broken stands in Fault. The caller must Release it.
func Read(sql string, o Options) *Statement {
	s := pool.Get().(*Statement)
	s.read(sql, o)
	return s
}

func (s *Statement) read(sql string, o Options) {
	s.reset(o)
	s.SQL = sql
	s.text = append(s.text, sql...)
	s.lex()
}

// ReadBytes is Read for bytes, which it copies.
func ReadBytes(sql []byte, o Options) *Statement {
	s := pool.Get().(*Statement)
	s.reset(o)
	s.text = append(s.text, sql...)
	s.lex()
	return s
}

// Splice reads into s the text of from with its bytes [start, end) replaced by filler: what the statement would be with another
// value. It allocates nothing once s has grown. s must not be from; it may be the zero Statement.
func (s *Statement) Splice(from *Statement, start, end int, filler string) {
	s.reset(from.options)
	s.text = append(s.text, from.text[:start]...)
	s.text = append(s.text, filler...)
	s.text = append(s.text, from.text[end:]...)
	s.lex()
}

// Release gives s back; neither s nor what its methods returned as slices may be used afterwards.
func (s *Statement) Release() {
	if cap(s.text) > maxKept || cap(s.Tokens) > maxKept/4 {
		return
	}
	s.SQL = ""
	pool.Put(s)
}

func (s *Statement) reset(o Options) {
	s.SQL, s.Fault, s.FaultAt = "", "", 0
	s.Tokens, s.Comments = s.Tokens[:0], s.Comments[:0]
	s.text, s.options, s.indexed = s.text[:0], o, false
}

// Text returns the bytes that were read; good until Release, not to be changed.
func (s *Statement) Text() []byte { return s.text }

// Of returns the bytes of token i; good until Release, not to be changed.
func (s *Statement) Of(i int) []byte {
	t := &s.Tokens[i]
	return s.text[t.Start:t.End]
}

// fail notes the first fault; PostgreSQL stops there, we read on.
func (s *Statement) fail(at int, fault string) {
	if s.Fault == "" {
		s.Fault, s.FaultAt = fault, at
	}
}
