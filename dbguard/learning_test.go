package dbguard

import (
	"fmt"
	"testing"

	"sallyport/dbguard/screen"
)

func TestStructuresAreLearnedFromDifferentRequests(t *testing.T) {
	for _, tc := range []struct {
		name    string
		origins []uint64 // of the sightings
		quiet   bool
		grown   bool
		asked   int // how often the cross-door rules are asked until the structure is known
	}{
		{"one request teaches nothing", []uint64{7, 7, 7, 7, 7, 7}, false, false, 6},
		{"two requests do", []uint64{7, 7, 8, 8, 8, 8}, false, false, 3},
		{"with none in flight once is enough", []uint64{7, 7, 7, 7}, true, false, 1},
		{"one that grew takes eight", []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, false, true, 8},
		{"one that grew takes eight with none in flight", []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, true, true, 8},
	} {
		t.Run(tc.name, func(t *testing.T) {
			asked, now := 0, uint64(1)
			quiet := false
			g := newGuard(t, Parts{Cross: []screen.Rule{word("nothing of this", 5, &asked)}, Origin: func() (uint64, bool) { return now, quiet }})
			text := "select a from t where b = %d"
			if tc.grown {
				for now = 100; now < 102; now++ {
					ran(t, g, "select a from t where b = 1", nil)
				}
				text = "select a from t where b = %d + c"
			}
			asked, quiet = 0, tc.quiet
			for i, origin := range tc.origins {
				now = origin
				ran(t, g, fmt.Sprintf(text, i), nil)
			}
			if asked != tc.asked {
				t.Errorf("cross-door rules asked %d times, want %d", asked, tc.asked)
			}
		})
	}
}
