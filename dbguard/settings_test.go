package dbguard

import (
	"strings"
	"testing"
	"time"
)

func TestDefaultsAreValid(t *testing.T) {
	if wrong := Defaults().Validate(); len(wrong) != 0 {
		t.Errorf("got %v, want none", wrong)
	}
}

func TestValidateNamesEveryMistakeByItsKey(t *testing.T) {
	s := Settings{
		Screen: "on", CrossDoor: "", Limits: Limits{Complexity: -1}, Breaker: BreakerSettings{OpenFor: time.Millisecond},
		Retry: RetrySettings{Base: time.Second, Attempts: 11, Max: 0},
	}
	want := []string{
		"screen is", "cross_door is", "limits.complexity is -1", "limits.slow_query is", "limits.query_timeout is",
		"breaker.failures is 0", "breaker.open_for is 1ms", "retry.attempts is 11", "retry.max is 0s",
	}
	wrong := s.Validate()
	if len(wrong) != len(want) {
		t.Fatalf("got %d mistakes %v, want %d", len(wrong), wrong, len(want))
	}
	for i, w := range want {
		if !strings.HasPrefix(wrong[i].Error(), w) {
			t.Errorf("mistake %d: got %q, want prefix %q", i, wrong[i], w)
		}
	}
}
