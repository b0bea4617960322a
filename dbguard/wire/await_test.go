package wire

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

// A connection in TLS is read in another way than a plain one.
func TestQueuedClientInTLS(t *testing.T) {
	s, root := certificate(t)
	d := open(t, func(u *setup) { onePool(u); u.settings.TLS = s })
	secure := strings.Replace(d.url("sslrootcert="+url.QueryEscape(root)), "sslmode=disable", "sslmode=verify-full", 1)
	holder, leaving := d.connect(t, ""), connect(t, secure)
	ask(t, holder, "begin")
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		_, _ = leaving.Exec(ctx, "select 'never'").ReadAll()
		close(gone)
	}()
	d.untilWaiting(t, 1)
	cancel()
	<-gone
	d.untilWaiting(t, 0)

	h, err := connect(t, secure).Hijack()
	if err != nil {
		t.Fatal(err)
	}
	r := &raw{t: t, conn: h.Conn, Frontend: h.Frontend}
	r.say(&pgproto3.Query{String: "select 1"})
	d.untilWaiting(t, 1)
	for range 100 { // more than is read ahead
		r.say(parse("", "select '"+strings.Repeat("x", 300)+"'"), bind(""), execute, sync_)
	}
	ask(t, holder, "select pg_sleep(0.1)") // long enough to be read ahead
	ask(t, holder, "commit")
	r.wantHears(1, "T D C:SELECT 1 Z:I")
	for range 100 {
		r.wantHears(1, "1 2 D C:SELECT 1 Z:I")
	}
	_ = h.Conn.Close()
}
