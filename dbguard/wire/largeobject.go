package wire

import "encoding/binary"

// largeObjectCall reports a FunctionCall message's body that calls one of the functions by which libpq and JDBC read and write large
// objects: pg_dump does, and psql's \lo_import. Their OIDs are those of every PostgreSQL
// (https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_proc.dat); none takes SQL or touches a file of the server.
func largeObjectCall(body []byte) bool {
	if len(body) < 4 {
		return false
	}
	switch binary.BigEndian.Uint32(body) {
	case 952, 953, 954, 955: // lo_open, lo_close, loread, lowrite
		return true
	case 956, 957, 958, 964: // lo_lseek, lo_creat, lo_tell, lo_unlink
		return true
	case 715, 1004, 3170, 3171, 3172: // lo_create, lo_truncate, lo_lseek64, lo_tell64, lo_truncate64
		return true
	}
	return false
}

// onFunction sends a FunctionCall message about a large object, and refuses all others: what they call is not screened.
func (s *session) onFunction(m message) error {
	if s.ignoring() {
		return nil
	}
	if !largeObjectCall(m.body()) {
		return s.refuse('F', refuse(codeUnsupported, "function calls by message are not supported but for large objects; use SELECT"))
	}
	l, p := s.server(nil)
	if p == queued {
		return errQueued
	}
	if p != nil {
		return s.refuse('F', p)
	}
	s.front.batch.alive = false // it may write
	l.expect(answer{request: 'Q'})
	l.out = append(l.out, m.raw...)
	return s.sent(l)
}
