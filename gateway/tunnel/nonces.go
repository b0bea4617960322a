package tunnel

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"
)

// ProbePath is where the HTTP door answers nonces: ProbePath + nonce. It must be mounted before anything strips Cf-Warp-Tag-*.
const ProbePath = "/.well-known/sallyport-probe/"

const (
	maxNonces  = 256             // outstanding at once; issuing more drops the oldest
	nonceLives = 2 * time.Minute // after that a nonce is worth nothing
)

// Nonces are one-shot proofs that a request through the public URL reached this process. They live in memory only.
// The zero value is ready; several goroutines may use it.
type Nonces struct {
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	mu     sync.Mutex // guards issued
	issued map[string]*arrival
}

// arrival is what is known of one nonce.
type arrival struct {
	issued  time.Time
	arrived bool
	// connector is the last Cf-Warp-Tag-Id, door the values of Cf-Warp-Tag-Door of the request that brought it.
	connector  string
	door       []string
	cloudflare bool // it had the headers that Cloudflare adds
}

// Issue returns a new 128-bit nonce, in hexadecimal, for one request within two minutes.
func (n *Nonces) Issue() string {
	var raw [16]byte
	rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	nonce := hex.EncodeToString(raw[:])
	now := n.now()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.issued == nil {
		n.issued = map[string]*arrival{}
	}
	n.forget(now)
	n.issued[nonce] = &arrival{issued: now}
	return nonce
}

// Answer is the handler of ProbePath: 204 for a nonce of this process that is used for the first time, 404 for all else.
func (n *Nonces) Answer(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	nonce, ok := strings.CutPrefix(r.URL.Path, ProbePath)
	if !ok || r.Method != http.MethodGet || !n.take(nonce, r.Header) {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// take uses up nonce and notes how it came.
func (n *Nonces) take(nonce string, h http.Header) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.issued[nonce]
	if a == nil || a.arrived || n.now().Sub(a.issued) > nonceLives {
		return false
	}
	a.arrived = true
	a.connector = last(h.Values("Cf-Warp-Tag-Id"))
	a.door = append([]string(nil), h.Values("Cf-Warp-Tag-Door")...)
	a.cloudflare = h.Get("Cf-Ray") != ""
	return true
}

// settle ends nonce and returns how it came; arrived is false where this process never saw it.
func (n *Nonces) settle(nonce string) arrival {
	n.mu.Lock()
	defer n.mu.Unlock()
	a := n.issued[nonce]
	delete(n.issued, nonce)
	if a == nil {
		return arrival{}
	}
	return *a
}

// forget drops what is too old, and the oldest where there are too many. The caller holds mu.
func (n *Nonces) forget(now time.Time) {
	oldest, found := "", now
	for nonce, a := range n.issued {
		if now.Sub(a.issued) > nonceLives {
			delete(n.issued, nonce)
		} else if !a.issued.After(found) {
			oldest, found = nonce, a.issued
		}
	}
	if len(n.issued) >= maxNonces {
		delete(n.issued, oldest)
	}
}

func (n *Nonces) now() time.Time {
	if n.Now != nil {
		return n.Now()
	}
	return time.Now()
}

// last returns the last value: connectors append their own, so what stands before it came with the request.
func last(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[len(values)-1]
}
