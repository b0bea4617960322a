//go:build race

package dbguard

// Under the race detector sync.Pool drops values at random and everything is slower: gates on cost get this slack.
const (
	allocSlack = 4
	timeSlack  = 20
)
