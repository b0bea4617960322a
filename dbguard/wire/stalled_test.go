package wire

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// A program that was stopped in the middle of an answer must not keep a server connection for ever.
func TestAClientThatReadsNoMoreLosesItsServerInTime(t *testing.T) {
	for name, stall := range map[string]func(*doorway, *raw){"in an answer": stallInside, "at the end of an answer": stallAtTheEnd} {
		t.Run(name, func(t *testing.T) {
			d := open(t, func(s *setup) {
				onePool(s)
				s.guard.Limits.QueryTimeout, s.settings.Pool.Wait = time.Second, time.Minute
			})
			r := d.raw(t, "")
			stall(d, r)
			wants(t, d.connect(t, ""), "select 1", "1")
			until(t, "the client to be gone", func() bool { return len(d.Snapshot().Clients) == 1 })
		})
	}
}

// stallInside has an answer go on for longer than anything between door and client can hold.
func stallInside(d *doorway, r *raw) {
	r.say(&pgproto3.Query{String: "select repeat('x', 1000) from generate_series(1, 1000000)"})
	until(r.t, "the answer to begin", func() bool { return d.Snapshot().Pool.Active == 1 })
}

// stallAtTheEnd asks for one short answer after another until one is stuck whose server has nothing more to say.
func stallAtTheEnd(d *doorway, r *raw) {
	for n := uint64(1); d.Snapshot().Pool.Waiting == 0; n++ {
		r.say(&pgproto3.Query{String: "select repeat('x', 8000)"})
		until(r.t, "it to be answered, or to wait for a server", func() bool { return d.guard.Counters().OK == n || d.Snapshot().Pool.Waiting == 1 })
	}
}
