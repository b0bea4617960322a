package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"
)

// The reasons for which a running instance cannot be asked.
var (
	ErrAbsent  = errors.New("no running instance")
	ErrLate    = errors.New("no answer in time")
	ErrRefused = errors.New("a token is needed")
)

const (
	// askWait is the longest wait for one answer of the instance.
	askWait = 5 * time.Second
	// maxAnswer bounds an answer, bytes.
	maxAnswer = 64 << 20
)

// Instance is the running program, asked over its admin listener. Several goroutines may ask at once.
type Instance struct {
	// Addr is where the admin listener is reached; Token its bearer token, "" for none.
	Addr, Token string
	// Wait is the longest wait for an answer; 0 means 5 s.
	Wait time.Duration
}

// NewInstance is the instance that listens on listen; one on every address is reached on loopback.
func NewInstance(listen, token string) *Instance {
	return &Instance{Addr: reachable(listen), Token: token}
}

// Reply is one answer of the instance.
type Reply struct {
	Status int
	Body   []byte
}

// reachable is where a listener is reached from this machine.
func reachable(listen string) string {
	ap, err := netip.ParseAddrPort(listen)
	if err != nil || !ap.Addr().IsUnspecified() {
		return listen
	}
	if ap.Addr().Is4() {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), ap.Port()).String()
	}
	return netip.AddrPortFrom(netip.IPv6Loopback(), ap.Port()).String()
}

// Ask sends one request, with body as JSON where it is not nil. The error wraps ErrAbsent, ErrLate or ErrRefused.
func (i *Instance) Ask(ctx context.Context, method, path string, body any) (Reply, error) {
	wait := i.Wait
	if wait == 0 {
		wait = askWait
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	req, err := i.request(ctx, method, path, body)
	if err != nil {
		return Reply{}, err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return Reply{}, i.missed(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return Reply{}, i.missed(err)
	}
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden {
		return Reply{}, fmt.Errorf("the instance at %s: %w; set admin.token_file", i.Addr, ErrRefused)
	}
	return Reply{res.StatusCode, raw}, nil
}

func (i *Instance) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var text io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		text = strings.NewReader(string(raw))
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+i.Addr+path, text)
	if err != nil {
		return nil, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if i.Token != "" {
		req.Header.Set("Authorization", "Bearer "+i.Token)
	}
	return req, nil
}

// missed tells nobody there from nobody answering in time.
func (i *Instance) missed(err error) error {
	var slow net.Error
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &slow) && slow.Timeout() {
		return fmt.Errorf("the instance at %s: %w", i.Addr, ErrLate)
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return fmt.Errorf("%w at %s; start one with: sallyport run", ErrAbsent, i.Addr)
	}
	return fmt.Errorf("the instance at %s broke off its answer (%w): %w", i.Addr, ErrAbsent, err)
}

// Get asks for path and reads its JSON into v.
func (i *Instance) Get(ctx context.Context, path string, v any) error {
	r, err := i.Ask(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	return r.Decode(v)
}

// Decode reads an answer of status 200 into v; anything else is an error with what the instance said.
func (r Reply) Decode(v any) error {
	if r.Status != http.StatusOK {
		return errors.New(r.Problem())
	}
	if err := json.Unmarshal(r.Body, v); err != nil {
		return fmt.Errorf("the answer is no JSON of this version: %w", err)
	}
	return nil
}

// Problem is the sentence of a problem+json answer.
func (r Reply) Problem() string {
	var p struct{ Title, Detail string }
	if err := json.Unmarshal(r.Body, &p); err != nil || p.Title == "" {
		return fmt.Sprintf("the instance answered %d", r.Status)
	}
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}
