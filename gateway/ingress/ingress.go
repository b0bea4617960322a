// Package ingress refuses request heads that two servers could read differently, before net/http sees them.
package ingress
