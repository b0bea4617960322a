package middleware

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/gin-gonic/gin"
)

// Header names of Cloudflare Access.
const (
	accessToken = "Cf-Access-Jwt-Assertion"
	accessEmail = "Cf-Access-Authenticated-User-Email"
)

// verifiedFor is how long a token that was found good is not checked again, and verifiedMost how many are remembered.
const (
	verifiedFor  = time.Minute
	verifiedMost = 4096
)

// access checks the token that Cloudflare Access puts on a request: signature by a key of the team, RS256 alone, issuer,
// audience and times. It holds against whoever finds a way around Cloudflare's edge.
type access struct {
	verifier *oidc.IDTokenVerifier
	paths    []string
	now      func() time.Time

	mu       sync.Mutex // guards verified
	verified map[[sha256.Size]byte]identityClaim
}

// identityClaim is whom a good token names, and until when that need not be checked again.
type identityClaim struct {
	email []string
	until time.Time
}

// newAccess returns nil where the check is off. A keys file that cannot be read is an error; keys at a URL are fetched
// when the first token needs them.
func newAccess(s Access, now func() time.Time) (*access, error) {
	if s.TeamDomain == "" {
		return nil, nil
	}
	issuer := strings.TrimSuffix(s.TeamDomain, "/")
	keys := newKeySet(s, issuer, now)
	if s.KeysFile != "" {
		if err := keys.read(s.KeysFile); err != nil {
			return nil, fmt.Errorf("access.keys_file: %w", err)
		}
	}
	verifier := oidc.NewVerifier(issuer, keys, &oidc.Config{ClientID: s.Audience, SupportedSigningAlgs: []string{oidc.RS256}, Now: now})
	return &access{verifier: verifier, paths: s.Paths, now: now, verified: map[[sha256.Size]byte]identityClaim{}}, nil
}

// accessToken refuses requests for protected paths that bring no good token, and tells the app whom the token names.
func (d *door) accessToken(c *gin.Context) {
	if d.access == nil {
		return
	}
	x, h := of(c), c.Request.Header
	token := h[accessToken]
	if !d.access.protects(c.Request.URL.Path) {
		x.note(accessElsewhere)
		delete(h, accessEmail)
		return
	}
	if len(token) != 1 {
		x.note(accessMissing)
		Reject(c, stageAccess, http.StatusForbidden, "no Access token")
		return
	}
	claim, err := d.access.check(c.Request.Context(), token[0])
	if err != nil {
		x.note(accessBad)
		Reject(c, stageAccess, http.StatusForbidden, "the Access token is not good: "+err.Error())
		return
	}
	x.note(accessGood)
	delete(h, accessEmail)
	if claim.email != nil {
		h[accessEmail] = claim.email
	}
}

// protects reports whether path needs a token.
func (a *access) protects(path string) bool {
	if len(a.paths) == 0 {
		return true
	}
	path = routePath(path)
	for _, p := range a.paths {
		if underPath(path, p) {
			return true
		}
	}
	return false
}

// check returns whom token names. Its errors hold nothing of the token.
func (a *access) check(ctx context.Context, token string) (identityClaim, error) {
	sum := sha256.Sum256([]byte(token))
	now := a.now()
	a.mu.Lock()
	claim, known := a.verified[sum]
	a.mu.Unlock()
	if known && now.Before(claim.until) {
		return claim, nil
	}
	good, err := a.verifier.Verify(ctx, token)
	if err != nil {
		return identityClaim{}, plainAccessError(err)
	}
	var named struct {
		Email string `json:"email"`
	}
	if err := good.Claims(&named); err != nil {
		return identityClaim{}, errBadToken
	}
	claim = identityClaim{until: now.Add(verifiedFor)}
	if good.Expiry.Before(claim.until) {
		claim.until = good.Expiry
	}
	if named.Email != "" && validHeaderValue(named.Email) {
		claim.email = []string{named.Email}
	}
	a.remember(sum, claim)
	return claim, nil
}

// remember keeps a good token; a full list begins anew, which costs each client one more check.
func (a *access) remember(sum [sha256.Size]byte, claim identityClaim) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.verified) >= verifiedMost {
		clear(a.verified)
	}
	a.verified[sum] = claim
}

func validHeaderValue(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}
