package middleware

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
)

// Errors of the token check, for logs: none holds a part of the token.
var (
	errBadToken   = errors.New("malformed, of another issuer or audience, or not signed by the team")
	errNoKeys     = errors.New("the signing keys cannot be had")
	errUnknownKey = errors.New("signed by an unknown key")
	errExpired    = errors.New("expired")
)

// Bounds of fetching keys.
const (
	fetchTimeout = 5 * time.Second
	// refetchAfter keeps tokens with invented key ids from making us fetch once per request.
	refetchAfter = 30 * time.Second
	maxKeysBytes = 1 << 20
)

// keySet is the team's signing keys by id. From a URL they are fetched when a token names a key that is not known, at most
// once in refetchAfter; keys that are known stay good while the URL is ill.
type keySet struct {
	url    string
	client *http.Client
	now    func() time.Time

	mu   sync.RWMutex // guards keys
	keys map[string]jose.JSONWebKey

	fetching sync.Mutex // held while fetching; guards fetched
	fetched  time.Time
}

var _ oidc.KeySet = (*keySet)(nil)

func newKeySet(s Access, issuer string, now func() time.Time) *keySet {
	k := &keySet{url: s.KeysURL, client: &http.Client{Timeout: fetchTimeout}, now: now, keys: map[string]jose.JSONWebKey{}}
	if k.url == "" {
		k.url = issuer + "/cdn-cgi/access/certs"
	}
	if s.KeysFile != "" {
		k.url = ""
	}
	return k
}

// VerifySignature returns the payload of token, which is signed RS256 by the key it names.
func (k *keySet) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	signed, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(signed.Signatures) != 1 {
		return nil, errBadToken
	}
	key, err := k.key(ctx, signed.Signatures[0].Header.KeyID)
	if err != nil {
		return nil, err
	}
	payload, err := signed.Verify(key)
	if err != nil {
		return nil, errBadToken
	}
	return payload, nil
}

// key returns the key with id, after fetching where it is not known.
func (k *keySet) key(ctx context.Context, id string) (jose.JSONWebKey, error) {
	if key, ok := k.known(id); ok {
		return key, nil
	}
	if k.url == "" {
		return jose.JSONWebKey{}, errUnknownKey
	}
	k.fetching.Lock()
	defer k.fetching.Unlock()
	if key, ok := k.known(id); ok {
		return key, nil
	}
	if !k.fetched.IsZero() && k.now().Sub(k.fetched) < refetchAfter {
		return jose.JSONWebKey{}, errUnknownKey
	}
	k.fetched = k.now()
	if err := k.fetch(ctx); err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("%w: %w", errNoKeys, err)
	}
	if key, ok := k.known(id); ok {
		return key, nil
	}
	return jose.JSONWebKey{}, errUnknownKey
}

func (k *keySet) known(id string) (jose.JSONWebKey, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	key, ok := k.keys[id]
	return key, ok
}

// fetch replaces the keys by those at the URL. The client that needs them may leave; others wait for them too.
func (k *keySet) fetch(ctx context.Context) error {
	r, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodGet, k.url, nil)
	if err != nil {
		return err
	}
	resp, err := k.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("keys: status %d", resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxKeysBytes))
	if err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	return k.take(text)
}

// read takes the keys from a file.
func (k *keySet) read(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return k.take(text)
}

// take replaces the keys by those in a JSON Web Key Set (RFC 7517).
func (k *keySet) take(text []byte) error {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	keys := map[string]jose.JSONWebKey{}
	for _, key := range set.Keys {
		if key.Valid() && key.IsPublic() && key.KeyID != "" {
			keys[key.KeyID] = key
		}
	}
	if len(keys) == 0 {
		return errors.New("keys: no public key with an id in the set")
	}
	k.mu.Lock()
	k.keys = keys
	k.mu.Unlock()
	return nil
}

// plainAccessError reduces an error of the check to one of ours: the library's own quote the token's claims.
func plainAccessError(err error) error {
	if _, ok := errors.AsType[*oidc.TokenExpiredError](err); ok {
		return errExpired
	}
	for _, known := range []error{errNoKeys, errUnknownKey} {
		if errors.Is(err, known) {
			return known
		}
	}
	return errBadToken
}
