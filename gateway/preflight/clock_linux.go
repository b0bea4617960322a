package preflight

import "golang.org/x/sys/unix"

// clockSynced tells whether the kernel's clock is kept by a time server; known is false where it does not say.
func clockSynced() (synced, known bool) {
	var t unix.Timex
	if _, err := unix.Adjtimex(&t); err != nil {
		return false, false
	}
	return t.Status&unix.STA_UNSYNC == 0, true
}
