package main

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

	"github.com/spf13/cobra"

	"sallyport/config"
)

const (
	// adminWait is the longest wait for one answer of the running instance.
	adminWait = 5 * time.Second
	// maxAnswer bounds an answer, bytes.
	maxAnswer = 64 << 20
)

// instance is the running program, asked over its admin listener.
type instance struct {
	addr, token string
	client      *http.Client
}

// reply is one answer of the instance.
type reply struct {
	status int
	body   []byte
}

// instance finds the running program by the settings. A file that has become wrong does not hide it: then the address comes
// from environment, flags and defaults.
func (p *program) instance(cmd *cobra.Command) (*instance, error) {
	cfg, err := p.load(cmd)
	if config.AsMistakes(err) != nil {
		src, bad := p.sources(cmd)
		if bad != nil {
			return nil, bad
		}
		src.File = ""
		if cfg, bad = config.Load(src); bad != nil {
			return nil, err
		}
		p.progress("sallyport: %s in %s, so the usual admin address is asked", count(len(config.AsMistakes(err)), "mistake"), p.settingsFile())
	} else if err != nil {
		return nil, err
	}
	token, err := cfg.Secret(cfg.Admin.TokenFile)
	if err != nil {
		return nil, ends(codeUsage, "admin token: %w", err)
	}
	return &instance{addr: reachable(cfg.Admin.Listen), token: token, client: &http.Client{Timeout: adminWait, Transport: &http.Transport{}}}, nil
}

// reachable is where a listener is reached from here: one on every address answers on loopback.
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

// ask sends one request without a body.
func (i *instance) ask(ctx context.Context, method, path string) (reply, error) {
	return i.send(ctx, method, path, nil)
}

// send sends body as JSON, nothing where it is nil.
func (i *instance) send(ctx context.Context, method, path string, body any) (reply, error) {
	var text io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			return reply{}, err
		}
		text = strings.NewReader(string(raw))
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+i.addr+path, text)
	if err != nil {
		return reply{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if i.token != "" {
		req.Header.Set("Authorization", "Bearer "+i.token)
	}
	res, err := i.client.Do(req)
	if err != nil {
		return reply{}, i.missed(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return reply{}, i.missed(err)
	}
	if res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden {
		return reply{}, ends(codeUsage, "the instance at %s wants a token; set admin.token_file", i.addr)
	}
	return reply{res.StatusCode, raw}, nil
}

// missed tells nobody there from nobody answering in time.
func (i *instance) missed(err error) error {
	var slow net.Error
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &slow) && slow.Timeout() {
		return ends(codeLate, "the instance at %s did not answer within %s", i.addr, adminWait)
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" {
		return ends(codeAbsent, "no running instance at %s; start one with: sallyport run", i.addr)
	}
	return ends(codeAbsent, "the instance at %s broke off its answer: %w", i.addr, err)
}

// decode reads an answer of status 200 into v; anything else is what the instance said.
func (r reply) decode(v any) error {
	if r.status != http.StatusOK {
		return ends(codeFailed, "%s", r.problem())
	}
	if err := json.Unmarshal(r.body, v); err != nil {
		return ends(codeFailed, "the answer is no JSON of this version: %w", err)
	}
	return nil
}

// problem is the sentence of a problem+json answer.
func (r reply) problem() string {
	var p struct{ Title, Detail string }
	if err := json.Unmarshal(r.body, &p); err != nil || p.Title == "" {
		return fmt.Sprintf("the instance answered %d", r.status)
	}
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}
