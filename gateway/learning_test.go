package gateway

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sallyport/config"
)

// learningAnswer is GET /api/hardening/security, as far as it tells of learning.
type learningAnswer struct {
	CrossDoor struct {
		Learning, FromFile  bool
		Until               *string
		RequestsLeft, Known int
	}
}

func (h *house) learning(t *testing.T) (a learningAnswer) {
	t.Helper()
	h.get("admin", "/api/hardening/security").json(t, &a)
	return a
}

// TestColdAndSeededStarts attacks an app with what only its own statements give away: input that becomes SQL without leaving a literal,
// ending a statement or being long. A new app's answer shows it and tells; with its statements from a file the first request is refused.
func TestColdAndSeededStarts(t *testing.T) {
	numeric, short := holes()[1], "1-(id)"
	g := openGround(t)
	g.warm(t)
	if a := g.learning(t).CrossDoor; a.Learning || a.Until != nil || a.Known == 0 {
		t.Fatalf("after %d statements: got %+v, want it to have learned", g.honest.Load(), a)
	}
	if a, err := g.send(numeric, attackers+"1.1", short); err != nil || a.status != http.StatusInternalServerError || !strings.Contains(a.body, "42501") {
		t.Errorf("warm: got %d %s, %v; want it refused", a.status, a.body, err)
	}
	var learned bytes.Buffer
	if err := g.database.guard.Model().Save(&learned); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "structures")
	if err := os.WriteFile(file, learned.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, seeded := range []bool{false, true} {
		g := openGround(t, func(c *config.Config) {
			if seeded {
				c.Database.AllowList = config.AllowList{File: file, Mode: "off"}
			}
		})
		if a := g.learning(t).CrossDoor; a.Learning == seeded || a.FromFile != seeded || a.RequestsLeft != 500 && !seeded {
			t.Errorf("seeded %t: got %+v, want it learning for 500 requests only without a file", seeded, a)
		}
		if !seeded {
			for n := range 14 * 8 {
				if err := g.visit(holes(), n); err != nil {
					t.Fatal(err)
				}
			}
		}
		a, err := g.send(numeric, attackers+"1.2", short)
		if refused := strings.Contains(a.body, "42501"); err != nil || refused != seeded {
			t.Errorf("seeded %t: evidence that rests on known statements: got %d %s, %v; want it refused only then", seeded, a.status, a.body, err)
		}
		if !seeded && !strings.Contains(g.kinds(), "query-suspicious") {
			t.Errorf("seeded %t: events are %s, want the statement told", seeded, g.kinds())
		}
		a, err = g.send(numeric, attackers+"1.3", "-1 union select 1,secret from account")
		if err != nil || !strings.Contains(a.body, "42501") {
			t.Errorf("seeded %t: hard evidence: got %d %s, %v; want it refused", seeded, a.status, a.body, err)
		}
	}
}
