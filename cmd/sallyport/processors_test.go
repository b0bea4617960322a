package main

import (
	"runtime"
	"testing"
)

func TestHalfOfTheProcessorsAreLeftUnlessTheOperatorSaysOtherwise(t *testing.T) {
	before := runtime.GOMAXPROCS(4)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	for _, step := range []struct {
		environ []string
		want    int
	}{{[]string{"GOMAXPROCS=4"}, 4}, {[]string{"PATH=/bin"}, 2}, {nil, 1}, {nil, 1}} {
		leaveProcessors(step.environ)
		if got := runtime.GOMAXPROCS(0); got != step.want {
			t.Errorf("%v: got %d processors, want %d", step.environ, got, step.want)
		}
	}
}
