//go:build !linux

package gateway

import "runtime"

// residentBytes is what the Go runtime has of the system's memory and has not given back: this system is not asked.
func residentBytes() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}
