package wire

import (
	"encoding/hex"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"sallyport/dbguard"
)

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
	if kind == 'Q' {
		s.front.unnamed = nil // as the server would
	}
	if kind == 'Q' || kind == 'F' {
		s.local = appendReady(s.local, s.front.status)
	} else {
		s.front.skipping = true
	}
	return nil
}

// refusal is what the client is told of a statement that the guard refused: fingerprint and incident, never a literal.
func refusal(err error) *problem {
	var blocked *dbguard.BlockedError
	var costly *dbguard.TooComplexError
	switch {
	case errors.As(err, &blocked):
		p := refuse(codeBlocked, "statement refused by screening: %s", strings.Join(blocked.Rules, ", "))
		p.detail = "Fingerprint " + hex.EncodeToString(blocked.Fingerprint[:8]) + "."
		return p.with("Incident " + blocked.Incident + ".")
	case errors.As(err, &costly):
		p := refuse(codeTooComplex, "statement too complex: its cost is %d, the limit is %d", costly.Cost, costly.Limit)
		p.detail = "Fingerprint " + hex.EncodeToString(costly.Fingerprint[:8]) + "."
		return p.with("Incident " + costly.Incident + ".")
	}
	return refuse(codeBlocked, "statement refused")
}

// endError is what the guard hears of how a statement ended: nil where it succeeded.
func endError(code string, body []byte) error {
	if code == "" {
		return nil
	}
	return &pgconn.PgError{Severity: severity(body), Code: code, Message: errorField(body, 'M')}
}
