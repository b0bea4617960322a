package main

import (
	"runtime"
	"slices"
	"strings"
)

// leaveProcessors leaves half of the processors to the app and the database, which share the machine; the operator's GOMAXPROCS
// wins. With all of them, Go wakes a second thread for nearly each message, which finds its work done by the first: on two
// processors a query costs about a fifth more then, for no more queries a second.
func leaveProcessors(environ []string) {
	if !slices.ContainsFunc(environ, func(e string) bool { return strings.HasPrefix(e, "GOMAXPROCS=") }) {
		runtime.GOMAXPROCS(max(1, runtime.GOMAXPROCS(0)/2))
	}
}
