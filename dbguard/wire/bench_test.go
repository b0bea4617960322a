package wire

import (
	"io"
	"testing"
	"time"

	"sallyport/dbguard"
)

// rows is a server's answer of n rows of 64 bytes to one Query.
func rows(n int) []byte {
	var b []byte
	row := append([]byte{0, 1, 0, 0, 0, 64}, make([]byte, 64)...)
	for range n {
		b = appendMessage(b, 'D', row...)
	}
	return appendReady(appendComplete(b, "SELECT 1000"), 'I')
}

// relayAnswer passes one whole answer through a back, 32 KB at a time.
func relayAnswer(b *back, answer []byte, out *sink) {
	b.expect(requestFor('Q'))
	for at := 0; at < len(answer); {
		part := answer[at:min(len(answer), at+bufferSize)]
		at += b.relay(part, out).used
		_ = out.writeTo(io.Discard)
		out.reset()
	}
}

func BenchmarkRelay1000Rows(b *testing.B) {
	answer := rows(1000)
	server := &back{status: 'I', statements: newCache(), watch: unwatched{}}
	var out sink
	b.SetBytes(int64(len(answer)))
	b.ReportAllocs()
	for b.Loop() {
		relayAnswer(server, answer, &out)
	}
}

func TestRelayAllocatesNothing(t *testing.T) {
	answer := rows(1000)
	server := &back{status: 'I', statements: newCache(), watch: unwatched{}}
	var out sink
	relayAnswer(server, answer, &out)
	if got := testing.AllocsPerRun(100, func() { relayAnswer(server, answer, &out) }); got != 0 {
		t.Errorf("relaying 1000 rows allocates %v times, want 0", got)
	}
}

const ormQuery = `SELECT "u"."id", "u"."name", "o"."total" FROM "users" AS "u" LEFT JOIN "orders" AS "o" ON "o"."user_id" = "u"."id" WHERE "u"."mail" = $1 AND "o"."state" IN ('open', 'paid') ORDER BY "o"."created" LIMIT 20`

func BenchmarkMarks(b *testing.B) {
	b.SetBytes(int64(len(ormQuery)))
	b.ReportAllocs()
	for b.Loop() {
		readMarks(ormQuery, false)
	}
}

func TestMarksOfAnOrdinaryQueryAllocateNothing(t *testing.T) {
	if got := testing.AllocsPerRun(100, func() { readMarks(ormQuery, false) }); got != 0 {
		t.Errorf("reading the marks of an ordinary query allocates %v times, want 0", got)
	}
}

func BenchmarkPreparedRoundTrip(b *testing.B) {
	f := &front{pooled: true, status: 'I', library: &library{texts: map[string]*text{}}, named: map[string]*prepared{}, portals: map[string]*portal{}}
	server := &back{status: 'I', statements: newCache(), watch: unwatched{}}
	parse := appendParse(nil, "s", ormQuery+"\x00\x00\x00")
	to := f.parse(server, nil, parse, "s", &dbguard.Verdict{}, nil)
	bind := appendMessage(nil, 'B', append([]byte("\x00s\x00"), make([]byte, 6)...)...)
	run := appendMessage(nil, 'E', make([]byte, 5)...)
	answer := appendReady(appendComplete([]byte("2\x00\x00\x00\x04"), "SELECT 0"), 'I')
	var out sink
	server.relay([]byte("1\x00\x00\x00\x04"), &out)
	b.ReportAllocs()
	for b.Loop() {
		to, _ = f.bind(server, to[:0], bind)
		to, _ = f.execute(server, to, run)
		to = f.sync(server, to)
		server.relay(answer, &out)
		_ = out.writeTo(io.Discard)
		out.reset()
	}
}

func BenchmarkQueryThroughTheDoor(b *testing.B) {
	for name, url := range map[string]string{"direct": server.URL("postgres"), "door": open(b, nil).url("")} {
		b.Run(name, func(b *testing.B) {
			c := connect(b, url)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := try(c, "select 1"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// An idle client must be cheap: a thousand of them wait on one small machine.
func TestIdleClientsAreCheap(t *testing.T) {
	const clients, most = 200, 24 << 10 // of which the test's own half of the connection takes a part
	d := open(t, nil)
	ask(t, d.connect(t, ""), "select 1")
	stop := watchHeap()
	for range clients {
		d.raw(t, "")
	}
	time.Sleep(20 * time.Millisecond)
	if got := stop() / clients; got > 4*most {
		t.Errorf("an idle client takes %d bytes with its driver, want at most %d", got, 4*most)
	}
}
