package middleware

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
)

// nonceMark stands for the nonce in policies of the settings.
const nonceMark = "$NONCE"

// hiddenMark stands for it while unrolled/secure computes the headers: with a nonce of its own in one policy the library
// garbles the other.
const hiddenMark = "'nonce-@@'"

// newNonce returns 128 random bits in the alphabet that CSP and HTML take without quotes.
func newNonce() string {
	var b [16]byte
	// crypto/rand never fails: the runtime ends the process where the system has no randomness.
	_, _ = rand.Read(b[:])
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// giveNonce makes the request's nonce and tells it to the app, which puts it on its own scripts.
func (x *exchange) giveNonce(h http.Header) {
	x.nonce = newNonce()
	h[x.door.nonceHeader] = []string{x.nonce}
}

// split prepares a value that holds nonces.
func (r *headerRule) split() {
	if len(r.value) == 1 && strings.Contains(r.value[0], hiddenMark) {
		r.parts = strings.Split(r.value[0], hiddenMark)
	}
}

// valueFor returns the rule's value, with nonce where the value holds one.
func (r *headerRule) valueFor(nonce string) []string {
	if r.parts == nil {
		return r.value
	}
	return []string{strings.Join(r.parts, "'nonce-"+nonce+"'")}
}
