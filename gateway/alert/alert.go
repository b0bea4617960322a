// Package alert tells people: senders, thresholds, deduplication and the message that it is over.
package alert
