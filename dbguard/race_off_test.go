//go:build !race

package dbguard

const (
	allocSlack = 0
	timeSlack  = 1
)
