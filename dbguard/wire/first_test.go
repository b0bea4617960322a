package wire

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

func asPg(err error, to **pgconn.PgError) bool { return errors.As(err, to) }

func TestSimpleQuery(t *testing.T) {
	d := open(t, nil)
	c := d.connect(t, "")
	if got := ask(t, c, "select 42"); got != "42" {
		t.Errorf("got %q, want 42", got)
	}
	if _, err := try(c, "select 1/0"); codeOf(err) != "22012" {
		t.Errorf("got %v, want 22012", err)
	}
	if got := ask(t, c, "select 43"); got != "43" {
		t.Errorf("got %q, want 43", got)
	}
}
