package tunnel

import (
	"context"
	"testing"
)

func TestTunnelThatIsOffCostsNothing(t *testing.T) {
	s, err := New(Defaults(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Snapshot(); got.State != Off || got.Mode != "off" || got.PID != 0 {
		t.Errorf("snapshot is %+v, want off", got)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run returned %v, want nil", err)
	}
	if n := testing.AllocsPerRun(10, func() { s.Snapshot() }); n > 1 {
		t.Errorf("a snapshot of nothing allocates %v times, want at most 1", n)
	}
}
