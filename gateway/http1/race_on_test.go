//go:build race

package http1

// perRequest bounds the allocations of a request: under the race detector pools forget a quarter of what they are given.
const perRequest = 12
