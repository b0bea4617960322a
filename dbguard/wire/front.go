package wire

import (
	"encoding/binary"

	"sallyport/dbguard"
)

// front is what is known of a client's session: pure, without I/O. While a server connection is attached its mutex guards it,
// else the client's own goroutine has it alone.
type front struct {
	// pooled reports transaction pooling: prepared statements and session state are kept here and follow the client.
	pooled  bool
	library *library
	// named and unnamed are its prepared statements; portals the statements of its portals, while their transaction lasts.
	named     map[string]*prepared
	unnamed   *prepared
	portals   map[string]*portal
	textBytes int
	// startup are the settings it logged in with, own those that it has now, told what ParameterStatus told it.
	startup, own, told values
	touched            touched
	pins               pins
	batch              batch
	// skipping reports that an error was answered here and all is ignored until Sync.
	skipping bool
	// status is 'I', or 'E' where its transaction was lost with a server connection or given up.
	status byte
	// lost is what its next statement in the lost transaction is told; nil where it was told already.
	lost *problem
}

// portal is a bound statement; counted says that an Execute of it ran already.
type portal struct {
	of      *prepared
	counted bool
}

// query sends a Query message.
func (f *front) query(b *back, dst, raw []byte, v *dbguard.Verdict, m *marks) []byte {
	a := answer{request: 'Q', verdict: v, marks: m, commit: m != nil && m.commit}
	start := len(dst)
	dst = append(dst, raw...)
	if f.pooled {
		if m != nil {
			dst = f.deallocateQuery(b, dst, start, m, &a)
		}
		f.unnamed, b.unnamed = nil, nil // a Query destroys it on the server
	}
	b.expect(a)
	return dst
}

// fail sends a statement that must fail and has its error replaced by p, so that the server itself does all that follows from
// an error: the failed transaction, and the skipping to Sync.
func (f *front) fail(b *back, dst []byte, kind byte, p *problem) []byte {
	f.batch.alive = false
	refusal := p.append(nil)
	if kind == 'Q' || kind == 'F' {
		if b.unnamed = nil; kind == 'Q' {
			f.unnamed = nil
		}
		b.expect(answer{request: 'Q', refusal: refusal})
		return appendQuery(dst, failingStatement)
	}
	b.open = true
	b.expect(answer{request: 'P', refusal: refusal})
	return appendParse(dst, statementPrefix+"refused", failingStatement+"\x00\x00\x00")
}

// sync sends a Sync message.
func (f *front) sync(b *back, dst []byte) []byte {
	b.failed = false
	b.expect(answer{request: 'S'})
	return append(dst, syncMessage...)
}

// wellFormedParse takes a Parse message's body apart; ok is false where its parts do not add up.
func wellFormedParse(body []byte) (name, sql string, ok bool) {
	n, rest, ok := cutText(body)
	if !ok {
		return "", "", false
	}
	q, types, ok := cutText(rest)
	if !ok || len(types) < 2 || len(types) != 2+4*int(binary.BigEndian.Uint16(types)) {
		return "", "", false
	}
	return string(n), string(q), true
}
