package wire

import (
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// clientSays and serverSays are what a conversation is made of: one byte a message.
var (
	clientSays = encoded[pgproto3.FrontendMessage](
		parse("a", "select 1"), parse("b", "select 2"), parse("", "select 3"), parse("a", "deallocate b"), parse("", "deallocate all"),
		bind("a"), bind("b"), bind(""), &pgproto3.Describe{ObjectType: 'S', Name: "a"}, &pgproto3.Describe{ObjectType: 'P'}, execute,
		&pgproto3.Close{ObjectType: 'S', Name: "a"}, &pgproto3.Close{ObjectType: 'S'}, &pgproto3.Close{ObjectType: 'P'}, sync_, &pgproto3.Flush{},
		&pgproto3.Query{String: "select 4"}, &pgproto3.Query{String: "deallocate a"}, &pgproto3.Query{String: "select 5; deallocate b; deallocate a; select 6"},
		&pgproto3.Query{String: "deallocate all; select 7"}, &pgproto3.Query{String: "discard all"}, &pgproto3.Query{String: "copy t from stdin"},
		&pgproto3.CopyData{Data: []byte("x")}, &pgproto3.CopyDone{}, &pgproto3.CopyFail{},
	)
	serverSays = encoded[pgproto3.BackendMessage](
		&pgproto3.ParseComplete{}, &pgproto3.BindComplete{}, &pgproto3.CloseComplete{}, &pgproto3.ParameterDescription{}, &pgproto3.RowDescription{},
		&pgproto3.NoData{}, &pgproto3.DataRow{Values: [][]byte{{'x'}}}, &pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")},
		&pgproto3.EmptyQueryResponse{}, &pgproto3.PortalSuspended{}, &pgproto3.ErrorResponse{Severity: "ERROR", Code: "42601"},
		&pgproto3.ReadyForQuery{TxStatus: 'I'}, &pgproto3.ReadyForQuery{TxStatus: 'T'}, &pgproto3.ReadyForQuery{TxStatus: 'E'},
		&pgproto3.CopyInResponse{}, &pgproto3.CopyOutResponse{}, &pgproto3.CopyData{Data: []byte("x")}, &pgproto3.CopyDone{}, &pgproto3.NoticeResponse{Code: "00000"},
		&pgproto3.ParameterStatus{Name: "a", Value: "b"}, &pgproto3.ErrorResponse{Severity: "ERROR", Code: "0A000", Routine: "RevalidateCachedQuery"},
	)
)

func encoded[M interface{ Encode([]byte) ([]byte, error) }](messages ...M) [][]byte {
	all := make([][]byte, len(messages))
	for i, m := range messages {
		var err error
		if all[i], err = m.Encode(nil); err != nil {
			panic(err)
		}
	}
	return all
}

// talk is a client and a server without a network between them.
type talk struct {
	front front
	back  back
	out   []byte
	said  sink
}

func newTalk(pooled bool) *talk {
	k := &talk{front: front{
		pooled: pooled, library: &library{texts: map[string]*text{}}, status: 'I', named: map[string]*prepared{}, portals: map[string]*portal{},
	}}
	k.back = back{status: 'I', statements: newCache(), watch: unwatched{}}
	return k
}

// client sends one message as a session would; it reports false where that ends the session.
func (k *talk) client(raw []byte) bool {
	f, b := &k.front, &k.back
	if b.failed && raw[0] != 'S' || b.copyIn && !b.copyDone && raw[0] != 'd' && raw[0] != 'c' && raw[0] != 'f' {
		return true
	}
	var p *problem
	switch body := raw[headerSize:]; raw[0] {
	case 'Q':
		sql, _, _ := cutText(body)
		k.out = f.query(b, k.out, raw, nil, readMarks(string(sql), false))
	case 'P':
		name, sql, _ := wellFormedParse(body)
		k.out = f.parse(b, k.out, raw, name, nil, readMarks(sql, false))
	case 'B':
		k.out, p = f.bind(b, k.out, raw)
	case 'D':
		k.out, p = f.describe(b, k.out, raw)
	case 'E':
		k.out, p = f.execute(b, k.out, raw)
	case 'C':
		k.out, p = f.closing(b, k.out, raw)
	case 'S':
		k.out = f.sync(b, k.out)
	case 'c', 'f':
		if b.copyIn {
			b.copyDone = true
		} else if !b.owed.empty() {
			b.expect(answer{request: 'c'})
		}
	}
	return p == nil
}

// server sends messages in one piece.
func (k *talk) server(bytes []byte) {
	k.back.relay(bytes, &k.said)
	k.said.reset()
}

// check fails where the books do not add up.
func (k *talk) check(t *testing.T) {
	t.Helper()
	for rest := k.out; len(rest) > 0; {
		if len(rest) < headerSize || bodySize(rest) < 0 || len(rest) < headerSize+bodySize(rest) {
			t.Fatalf("the server is sent %q, which is no message", rest)
		}
		rest = rest[headerSize+bodySize(rest):]
	}
	size, held := 0, map[*text]int{}
	for name, p := range k.front.named {
		size += len(p.text.tail)
		held[p.text]++
		if at := k.front.library.texts[p.text.tail]; k.front.pooled && at != p.text {
			t.Errorf("statement %q is of a text that the library does not have", name)
		}
	}
	if size != k.front.textBytes {
		t.Errorf("the client holds %d bytes of statements and is charged %d", size, k.front.textBytes)
	}
	for tail, at := range k.front.library.texts {
		if at.uses != held[at] {
			t.Errorf("%q is used %d times and counted %d", tail, held[at], at.uses)
		}
	}
	if len(k.back.statements.at) != k.back.statements.order.Len() {
		t.Errorf("the server has %d statements in one book and %d in the other", len(k.back.statements.at), k.back.statements.order.Len())
	}
}

func FuzzConversation(f *testing.F) {
	f.Add([]byte{0, 5, 10, 14}, []byte{0, 1, 6, 7, 11}, true)
	f.Add([]byte{0, 1, 14, 18, 16}, []byte{0, 0, 11, 0x80, 7, 10, 11}, true)
	f.Add([]byte{0, 11, 0, 14, 19, 5}, []byte{10, 11, 0x80, 10, 11}, true)
	f.Add([]byte{21, 22, 14, 23, 16}, []byte{14, 7, 11, 7, 11}, false)
	f.Fuzz(func(t *testing.T, client, server []byte, pooled bool) {
		if len(client)+len(server) > 2000 {
			return
		}
		k := newTalk(pooled)
		for _, c := range client {
			if !k.client(clientSays[int(c)%len(clientSays)]) {
				break
			}
			for len(server) > 0 {
				s := server[0]
				server = server[1:]
				if s >= 0x80 {
					break // the client's turn
				}
				k.server(serverSays[int(s)%len(serverSays)])
			}
			k.check(t)
		}
		var out sink
		if k.back.lose(&k.front, fatal(codeLost, "lost"), &out); !k.back.owed.empty() {
			t.Error("after the loss of the server something is still owed")
		}
		k.check(t)
	})
}
