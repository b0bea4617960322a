package screen

// Fingerprint is a keyed 128-bit hash of a statement's structure.
type Fingerprint [16]byte

// Statement is one message's text, read.
type Statement struct {
	// SQL is the text as it came.
	SQL string
}
