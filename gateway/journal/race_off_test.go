//go:build !race

package journal

// slowdown is how much longer a limit on time may be: the race detector makes SQLite about thirty times slower.
const slowdown = 1
