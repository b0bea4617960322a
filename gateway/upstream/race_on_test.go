//go:build race

package upstream

// perExchange is how many allocations one exchange may cost. With the race detector a pool forgets some of what it is given.
const perExchange = 6
