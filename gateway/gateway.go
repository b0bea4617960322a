// Package gateway builds both doors and their helpers, runs them and shuts them down in order.
package gateway
