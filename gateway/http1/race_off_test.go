//go:build !race

package http1

// perRequest bounds the allocations of a request: one copy of the head, the Request, and what hangs on it.
const perRequest = 3
