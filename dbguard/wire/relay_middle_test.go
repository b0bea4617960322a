package wire

import (
	"bytes"
	"testing"
)

// A row description on its way in pieces, a statement that needs no server, and a Flush between the pieces.
func TestOwedAnswerWaitsForTheEndOfTheServersMessage(t *testing.T) {
	b := &back{status: 'I', statements: newCache(), watch: unwatched{}}
	b.expect(answer{request: 'D'})
	description := appendMessage(nil, 'T', bytes.Repeat([]byte{7}, 100)...)
	var out sink
	if u := b.relay(description[:60], &out); u.used != 60 || b.rest == 0 {
		t.Fatalf("used %d of the first piece, %d to come", u.used, b.rest)
	}
	b.expect(answer{request: 'P', mode: fake})
	b.flushed = true // as onFlush leaves it where a message is under way
	b.relay(description[60:], &out)
	var got bytes.Buffer
	if err := out.writeTo(&got); err != nil {
		t.Fatal(err)
	}
	if want := append(bytes.Clone(description), '1', 0, 0, 0, 4); !bytes.Equal(got.Bytes(), want) {
		t.Errorf("the client gets %q, want the whole description and then the ParseComplete", got.Bytes())
	}
	if b.flushed || !b.owed.empty() {
		t.Errorf("flushed %t, owed empty %t, want nothing left", b.flushed, b.owed.empty())
	}
}

func TestReadyForQueryOfAnotherLengthIsNoPostgreSQL(t *testing.T) {
	for _, body := range [][]byte{nil, []byte("II"), bytes.Repeat([]byte{'I'}, 2000)} {
		b := &back{status: 'I', statements: newCache(), watch: unwatched{}}
		b.expect(answer{request: 'Q'})
		var out sink
		if u := b.relay(appendMessage(nil, 'Z', body...), &out); u.fatal == nil {
			t.Errorf("a ReadyForQuery of %d bytes was taken", len(body))
		}
	}
}
