//go:build !windows

package main

import "golang.org/x/sys/unix"

// monotonicMicros is CLOCK_MONOTONIC, microseconds; 0 where it cannot be read.
func monotonicMicros() int64 {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &t) != nil {
		return 0
	}
	return t.Nano() / 1000
}
