package dbguard

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"sallyport/dbguard/screen"
)

// ErrTooComplex is wrapped by the error of a query whose cost is above the limit; nothing was sent.
var ErrTooComplex = errors.New("query too complex")

// ErrCircuitOpen is wrapped by the error of a query or dial that was refused because the database is ill; nothing was sent.
var ErrCircuitOpen = errors.New("database circuit open")

// BlockedError is a query that screening refused; nothing was sent.
type BlockedError struct {
	// Rules are the names of the rules that spoke against it, each once, in order of appearance.
	Rules []string
	// Fingerprint is the statement's structure.
	Fingerprint screen.Fingerprint
	// Incident is the id under which the journal tells more.
	Incident string
}

// Error names rules and incident, and no part of the query.
func (e *BlockedError) Error() string {
	return fmt.Sprintf("query refused: %s (incident %s)", strings.Join(e.Rules, ", "), e.Incident)
}

// SQLState is 42501, insufficient_privilege.
func (e *BlockedError) SQLState() string { return "42501" }

// TooComplexError is a query whose cost is above the limit; it wraps ErrTooComplex.
type TooComplexError struct {
	Cost, Limit int
	Fingerprint screen.Fingerprint
	Incident    string
}

// Error names cost and limit.
func (e *TooComplexError) Error() string {
	return fmt.Sprintf("%v: cost %d, limit %d (incident %s)", ErrTooComplex, e.Cost, e.Limit, e.Incident)
}

// Unwrap makes it an ErrTooComplex.
func (e *TooComplexError) Unwrap() error { return ErrTooComplex }

// SQLState is 54001, statement_too_complex.
func (e *TooComplexError) SQLState() string { return "54001" }

// CircuitOpenError is a query or dial refused while the circuit is open; it wraps ErrCircuitOpen.
type CircuitOpenError struct {
	// RetryIn is the time until the next probe, at least a second in text.
	RetryIn time.Duration
}

// Error says when to come again.
func (e *CircuitOpenError) Error() string {
	return fmt.Sprintf("%v: retry in %d s", ErrCircuitOpen, max(1, int((e.RetryIn+time.Second-1)/time.Second)))
}

// Unwrap makes it an ErrCircuitOpen.
func (e *CircuitOpenError) Unwrap() error { return ErrCircuitOpen }

// SQLState is 57P03, cannot_connect_now.
func (e *CircuitOpenError) SQLState() string { return "57P03" }

// sqlState is the SQLSTATE that err carries, "" where it has none.
func sqlState(err error) string {
	var coded interface{ SQLState() string }
	if errors.As(err, &coded) {
		return coded.SQLState()
	}
	return ""
}

// short is a fingerprint as people see it: the first 16 hex digits.
func short(f screen.Fingerprint) string { return hex.EncodeToString(f[:8]) }
