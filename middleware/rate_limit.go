package middleware

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	limiter "github.com/ulule/limiter/v3"
)

// defaultPolicy is the name of the budget that holds where no policy matches.
const defaultPolicy = "default"

// budget is what the rate limit was told to do.
type budget struct {
	policies []policy
	// rest is for requests that no policy matches, nil where they have no limit.
	rest *policy
	// exempt are paths that cost nothing when read, assets whether static files do not either.
	exempt map[string]bool
	assets bool
	// deny refuses requests while the store is ill.
	deny bool
}

// policy is one budget per client.
type policy struct {
	name, prefix string
	methods      []string
	limiter      *limiter.Limiter
	// header is the RateLimit-Policy value and limit the X-RateLimit-Limit value, both shared by all answers.
	header, limit []string
	// setting is the key of the settings that made it.
	setting string
}

func newBudget(s RateLimit, store limiter.Store) *budget {
	b := &budget{exempt: map[string]bool{}, assets: s.ExemptAssets, deny: s.OnStoreError == "deny"}
	if s.Requests > 0 {
		// A page may break its policy in many places; its reports must not cost the visitor the next page.
		b.policies = append(b.policies, newPolicy(Policy{Name: stageReports, Path: ReportsPath, Requests: 120, Per: time.Minute}, store, "csp.reports"))
	}
	for i, p := range s.Policies {
		b.policies = append(b.policies, newPolicy(p, store, fmt.Sprintf("rate_limit.policies[%d]", i)))
	}
	if s.Requests > 0 {
		rest := newPolicy(Policy{Name: defaultPolicy, Path: "/", Requests: s.Requests, Per: s.Per}, store, "rate_limit.requests")
		b.rest = &rest
	}
	for _, p := range s.ExemptPaths {
		b.exempt[p] = true
	}
	return b
}

func newPolicy(p Policy, store limiter.Store, setting string) policy {
	limit := strconv.FormatInt(p.Requests, 10)
	window := strconv.FormatInt(int64((p.Per+time.Second-1)/time.Second), 10)
	return policy{
		setting: setting, name: p.Name, prefix: p.Path, methods: p.Methods,
		limiter: limiter.New(store, limiter.Rate{Formatted: p.Name, Period: p.Per, Limit: p.Requests}),
		header:  []string{`"` + p.Name + `";q=` + limit + ";w=" + window},
		limit:   []string{limit},
	}
}

// rateLimit takes the request from its client's budget and refuses it where nothing is left.
func (d *door) rateLimit(c *gin.Context) {
	x := of(c)
	if !d.admitOneMore(c, x) {
		return
	}
	p, why := d.budget.policyOf(c.Request)
	if p == nil {
		x.note(why)
		return
	}
	answer, err := p.limiter.Get(c.Request.Context(), x.client.key)
	if err != nil {
		d.storeFailed(c, err)
		return
	}
	// An answer to a question that was asked before the store fell ill says nothing of now.
	if ill := d.state.storeIll.Load(); ill != 0 && x.start.UnixNano() > ill && d.state.storeIll.CompareAndSwap(ill, 0) {
		d.onStore(nil)
	}
	x.policy, x.budget = p, answer
	if !answer.Reached {
		x.note(limitWithin)
		return
	}
	x.note(limitSpent)
	retryAfter(c, time.Duration(answer.Reset-x.start.Unix())*time.Second)
	Reject(c, stageRateLimit, http.StatusTooManyRequests, "the client's budget of policy "+p.name+" is spent")
}

// storeFailed does with a request what on_store_error says.
func (d *door) storeFailed(c *gin.Context, err error) {
	if context.Cause(c.Request.Context()) != nil {
		// The client left; the store is not to blame.
		Reject(c, stageRateLimit, statusClientGone, "the client left")
		return
	}
	of(c).note(limitStoreIll)
	d.state.StoreErrors.Add(1)
	if d.state.storeIll.CompareAndSwap(0, d.now().UnixNano()) {
		d.onStore(err)
	}
	if !d.budget.deny {
		return
	}
	retryAfter(c, time.Second)
	Reject(c, stageRateLimit, http.StatusServiceUnavailable, "the rate-limit store does not answer: "+err.Error())
}

// policyOf returns the budget that r is taken from; nil where it costs nothing, and the decision that says so.
func (b *budget) policyOf(r *http.Request) (*policy, *Decision) {
	clean := routePath(r.URL.Path)
	for i := range b.policies {
		if p := &b.policies[i]; p.matches(r.Method, clean) {
			return p, nil
		}
	}
	if b.rest == nil {
		return nil, limitOff
	}
	if free := b.exempts(r); free != nil {
		return nil, free
	}
	return b.rest, nil
}

func (p *policy) matches(method, clean string) bool {
	return (len(p.methods) == 0 || slices.Contains(p.methods, method)) && underPath(clean, p.prefix)
}

// exempts returns the decision by which reading r costs nothing, nil where it costs. A path with escapes, parameters or dots is none of ours to judge.
func (b *budget) exempts(r *http.Request) *Decision {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return nil
	}
	p := r.URL.Path
	switch {
	case b.exempt[p]:
		return limitPath
	case b.assets && isAsset(p) && strings.IndexByte(p, ';') < 0 && !strings.Contains(p, "..") && !escaped(r):
		return limitAsset
	}
	return nil
}

// escaped reports whether the path came with escapes, which net/url forgets where it would write the same ones.
func escaped(r *http.Request) bool {
	p, _, _ := strings.Cut(r.RequestURI, "?")
	return strings.IndexByte(p, '%') >= 0
}

// isAsset reports whether p ends in an extension that browsers load by the dozen with one page.
func isAsset(p string) bool {
	dot := strings.LastIndexByte(p, '.')
	if dot < 0 || len(p)-dot > len(".webmanifest") {
		return false
	}
	switch p[dot:] {
	case ".css", ".js", ".mjs", ".map", ".wasm", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".svg", ".ico",
		".woff", ".woff2", ".ttf", ".otf", ".webmanifest":
		return true
	}
	return false
}
