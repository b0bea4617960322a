package gateway

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"sallyport/config"
	"sallyport/dbguard"
)

// TestHolesOfTheProvingGroundLeakInObserveAndNotInEnforce attacks each route by hand, each time as another client, so that refusals are
// owed to the detection and not to a client being held.
func TestHolesOfTheProvingGroundLeakInObserveAndNotInEnforce(t *testing.T) {
	for _, mode := range []dbguard.Mode{dbguard.Observe, dbguard.Enforce} {
		t.Run(string(mode), func(t *testing.T) {
			g := openGround(t, func(c *config.Config) { c.Database.Guard.Screen, c.Database.Guard.CrossDoor = mode, mode })
			g.warm(t)
			stop := g.neighbours(t)
			sent := g.attackByHand(t, mode)
			stop()
			if n := g.refusedHonest.Load(); n != 0 {
				t.Errorf("honest requests refused: got %d of %d, want 0; the first: %s", n, g.honest.Load(), *g.firstRefused.Load())
			}
			if mode != dbguard.Enforce {
				return
			}
			a := g.attribution()
			t.Logf("%d attacks, %d statements refused: %d put down to an attacker, %d to nobody, %d to somebody else; %d honest statements", sent, a.refused, a.right, a.unnamed, a.wrong, g.honest.Load())
			if a.wrong != 0 || a.right < sent-3 { // of second order nobody can be named for certain
				t.Errorf("attribution: got %+v of %d attacks, want those of first order put down to the attacker and none to anybody else", a, sent)
			}
			if got := len(g.visitors.Holds.List()); got != 0 {
				t.Errorf("held: got %d clients after one attack each, want none", got)
			}
		})
	}
}

// attackByHand sends every payload of every hole as a client of its own and returns how many there were.
func (g *ground) attackByHand(t *testing.T, mode dbguard.Mode) (sent int) {
	t.Helper()
	stored, passed := 0, 0 // of second order
	for _, o := range holes() {
		for _, p := range o.payloads {
			client := fmt.Sprintf(attackers+"1.%d", sent)
			sent++
			a, err := g.send(o, client, p)
			if err != nil {
				t.Fatal(err)
			}
			leaked := strings.Contains(a.body, theSecret)
			switch {
			case mode == dbguard.Enforce && o.secondOrder:
				stored++
				if leaked {
					passed++
				}
			case mode == dbguard.Observe && !leaked:
				t.Errorf("observe: %s with %q: got %d %s, want the hole to be real", o.name, p, a.status, a.body)
			case mode == dbguard.Enforce && (leaked || a.status != http.StatusInternalServerError || !strings.Contains(a.body, "42501")):
				t.Errorf("enforce: %s with %q: got %d %s, want the statement refused", o.name, p, a.status, a.body)
			}
		}
	}
	if passed*2 > stored {
		t.Errorf("enforce: %d of %d attacks of second order passed, want half of them refused or more", passed, stored)
	}
	return sent
}
