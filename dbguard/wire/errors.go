package wire

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"sallyport/dbguard"
)

// SQLSTATEs that the door itself answers with; https://www.postgresql.org/docs/current/errcodes-appendix.html.
const (
	codeProtocol     = "08P01"
	codeLost         = "08006"
	codeLostCommit   = "08007"
	codeUnsupported  = "0A000"
	codeNeedsTLS     = "28000"
	codePassword     = "28P01"
	codeNoDatabase   = "3D000"
	codeBlocked      = "42501"
	codeDuplicate    = "42P05"
	codeNoStatement  = "26000"
	codeTooMany      = "53300"
	codeLimit        = "53400"
	codeTooLarge     = "54000"
	codeTooComplex   = "54001"
	codeCancelled    = "57014"
	codeShutdown     = "57P01"
	codeUnavailable  = "57P03"
	codeIdleInTx     = "25P03"
	codeInternal     = "XX000"
	severityError    = "ERROR"
	severityFatal    = "FATAL"
	failingStatement = "!" // no SQL in any version: PostgreSQL's own parser fails it, inside a failed transaction too
)

// errGone is why a session ends whose client closed or reset its connection.
var errGone = errors.New("client went away")

// problem is an error as a client sees it.
type problem struct {
	severity, code, message, detail, hint string
}

// Error is the message with its SQLSTATE.
func (p *problem) Error() string { return fmt.Sprintf("%s (SQLSTATE %s)", p.message, p.code) }

// refuse makes an ERROR, after which the connection lives on.
func refuse(code, format string, args ...any) *problem {
	return &problem{severity: severityError, code: code, message: fmt.Sprintf(format, args...)}
}

// fatal makes a FATAL, after which the connection is closed.
func fatal(code, format string, args ...any) *problem {
	return &problem{severity: severityFatal, code: code, message: fmt.Sprintf(format, args...)}
}

// with is p with a hint.
func (p *problem) with(hint string) *problem {
	q := *p
	q.hint = hint
	return &q
}

// asFatal is p with severity FATAL.
func (p *problem) asFatal() *problem {
	q := *p
	q.severity = severityFatal
	return &q
}

// append appends p as an ErrorResponse.
func (p *problem) append(dst []byte) []byte {
	start := len(dst)
	dst = startMessage(dst, 'E')
	for _, f := range []struct {
		key   byte
		value string
	}{{'S', p.severity}, {'V', p.severity}, {'C', p.code}, {'M', p.message}, {'D', p.detail}, {'H', p.hint}} {
		if f.value != "" {
			dst = appendText(append(dst, f.key), strings.ReplaceAll(f.value, "\x00", " "))
		}
	}
	return endMessage(append(dst, 0), start)
}

// errorField is one field of an ErrorResponse's body, "" where it is missing.
func errorField(body []byte, key byte) string {
	for len(body) > 1 {
		text, rest, ok := cutText(body[1:])
		if !ok {
			return ""
		}
		if body[0] == key {
			return string(text)
		}
		body = rest
	}
	return ""
}

// fromServer turns an error of making a server connection into what the client is told.
func fromServer(err error) *problem {
	var known *problem
	if errors.As(err, &known) {
		return known
	}
	var open *dbguard.CircuitOpenError
	if errors.As(err, &open) {
		return refuse(codeUnavailable, "the database is not available").with(fmt.Sprintf("Retry in %d s.", max(1, int((open.RetryIn+time.Second-1)/time.Second))))
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return &problem{severity: severityError, code: pg.Code, message: pg.Message, detail: pg.Detail, hint: pg.Hint}
	}
	return refuse(codeUnavailable, "the database cannot be reached")
}
