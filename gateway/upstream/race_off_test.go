//go:build !race

package upstream

// perExchange is how many allocations one exchange may cost: the text of the head, its values, and what the header map takes.
const perExchange = 3
