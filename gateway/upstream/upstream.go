// Package upstream carries a request to the app and its answer back: transport, circuit breaker, retries, health.
package upstream
