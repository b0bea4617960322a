package gateway

import (
	"bytes"
	"os"
	"strconv"
)

// residentBytes is the memory of this process that is in RAM, 0 where it cannot be read (proc(5), statm).
func residentBytes() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	word := bytes.Fields(text)
	if len(word) < 2 {
		return 0
	}
	pages, err := strconv.ParseUint(string(word[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}
