package wire

import "github.com/jackc/pgx/v5/pgconn"

// ignoring reports that everything up to the client's next Sync is to be dropped.
func (s *session) ignoring() bool {
	l := s.lock()
	if l == nil {
		return s.front.skipping
	}
	defer l.mu.Unlock()
	return l.back.failed
}

// refuse answers a message of the kind with p and keeps the connection. Where a server is attached it does so by letting the
// server fail, so that everything that follows from an error is PostgreSQL's own doing.
func (s *session) refuse(kind byte, p *problem) error {
	if p.severity == severityFatal {
		return p
	}
	if s.ignoring() {
		return nil
	}
	if l := s.lock(); l != nil {
		l.out = s.front.fail(&l.back, l.out, kind, p)
		return s.sent(l)
	}
	s.local = p.append(s.local)
	if kind == 'Q' || kind == 'F' {
		s.local = appendReady(s.local, s.front.status)
	} else {
		s.front.skipping = true
	}
	return nil
}

// refusal is what the client is told of a statement that the guard refused; it names the incident, never a literal.
func refusal(err error) *problem {
	return refuse(codeBlocked, "statement refused by screening")
}

// endError is what the guard hears of how a statement ended: nil where it succeeded.
func endError(code string, body []byte) error {
	if code == "" {
		return nil
	}
	return &pgconn.PgError{Severity: severity(body), Code: code, Message: errorField(body, 'M')}
}
