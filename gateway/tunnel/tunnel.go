// Package tunnel supervises cloudflared: process, probes, restart budget, certificate, binary and credentials.
package tunnel
