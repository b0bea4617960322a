package tunnel

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// TagHeaderPrefix begins every header that a connector adds for its tags. The HTTP door strips all of them before the app.
const TagHeaderPrefix = "Cf-Warp-Tag-"

// DoorTagHeader bears the door key of the connector that brought a request.
const DoorTagHeader = TagHeaderPrefix + "Door"

// Door knows the key that our own connector adds to every request. The zero value knows none and refuses everything.
type Door struct {
	sum [sha256.Size]byte
	set bool
}

// NewDoor returns the door of key; "" gives the zero Door.
func NewDoor(key string) Door {
	if key == "" {
		return Door{}
	}
	return Door{sum: sha256.Sum256([]byte(key)), set: true}
}

// Known reports whether there is a key to check against.
func (d Door) Known() bool { return d.set }

// Check reports whether values, those of Cf-Warp-Tag-Door in the order of the request, end with our key. Only the last
// one counts, since connectors append and anybody can send the header. The comparison takes constant time.
func (d Door) Check(values []string) bool {
	sum := sha256.Sum256([]byte(last(values)))
	return subtle.ConstantTimeCompare(sum[:], d.sum[:]) == 1 && d.set && len(values) > 0
}

// loadDoorKey returns the key kept in dir, and makes one of 256 bits at the first call. It outlives the gateway so that a
// connector left by the gateway before it can still be told apart from strangers.
func loadDoorKey(dir string) (string, error) {
	name := filepath.Join(dir, "door.key")
	text, err := os.ReadFile(name)
	if err == nil && len(strings.TrimSpace(string(text))) == 64 {
		return strings.TrimSpace(string(text)), nil
	}
	if err != nil && !os.IsNotExist(err) {
		return "", fmt.Errorf("door key: %w", err)
	}
	var raw [32]byte
	rand.Read(raw[:])
	key := hex.EncodeToString(raw[:])
	if err := writeFile(name, []byte(key+"\n")); err != nil {
		return "", fmt.Errorf("door key: %w", err)
	}
	return key, nil
}
