package tunnel

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// maxConfig is how much of /config and /diag is read, bytes.
const maxConfig = 1 << 20

// local asks cloudflared's own metrics server.
type local struct {
	client  *http.Client
	timeout time.Duration
}

func newLocal(timeout time.Duration) local {
	tr := &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 16 << 10} // no Proxy: the address is literal
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return local{client: &http.Client{Transport: tr, CheckRedirect: refuse}, timeout: timeout}
}

// readyAnswer is the body of /ready.
type readyAnswer struct {
	Status    int    `json:"status"`
	Ready     int    `json:"readyConnections"`
	Connector string `json:"connectorId"`
}

// ready asks /ready; 503 with a body is an answer too.
func (l local) ready(ctx context.Context, addr string) (readyAnswer, error) {
	var r readyAnswer
	status, err := l.get(ctx, addr, "/ready", maxBody, &r)
	if err != nil {
		return readyAnswer{}, err
	}
	if status != http.StatusOK && status != http.StatusServiceUnavailable {
		return readyAnswer{}, fmt.Errorf("/ready answered %d", status)
	}
	if r.Ready < 0 || r.Ready > 1000 {
		return readyAnswer{}, fmt.Errorf("/ready reports %d connections", r.Ready)
	}
	r.Connector = shorten(r.Connector, 64)
	return r, nil
}

// effective is the body of /config: the rules in force, pushes from the dashboard included.
type effective struct {
	Version int `json:"version"`
	Config  struct {
		Ingress []ingressRule `json:"ingress"`
	} `json:"config"`
}

// ingressRule is one rule of cloudflared, first match wins.
type ingressRule struct {
	Hostname string `json:"hostname"`
	Path     string `json:"path"`
	Service  string `json:"service"`
}

func (l local) config(ctx context.Context, addr string) (effective, error) {
	var e effective
	status, err := l.get(ctx, addr, "/config", maxConfig, &e)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("/config answered %d", status)
	}
	return e, err
}

// diagnosis is the body of /diag/tunnel.
type diagnosis struct {
	TunnelID    string `json:"tunnelID"`
	ConnectorID string `json:"connectorID"`
	Connections []struct {
		Connected bool   `json:"isConnected"`
		Protocol  int    `json:"protocol"` // 0 http2, 1 quic
		Address   string `json:"edgeAddress"`
	} `json:"connections"`
}

func (l local) diagnosis(ctx context.Context, addr string) (diagnosis, error) {
	var d diagnosis
	status, err := l.get(ctx, addr, "/diag/tunnel", maxConfig, &d)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("/diag/tunnel answered %d", status)
	}
	return d, err
}

// overIPv6 reports whether a connection to the edge uses IPv6, which we never ask for.
func (d diagnosis) overIPv6() bool {
	for _, c := range d.Connections {
		if c.Connected && strings.Contains(c.Address, ":") {
			return true
		}
	}
	return false
}

// get reads at most limit bytes of JSON into into.
func (l local) get(ctx context.Context, addr, path string, limit int64, into any) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+path, nil)
	if err != nil {
		return 0, err
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return 0, fmt.Errorf("%s: %s", path, shorten(cause(err), 200))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	if int64(len(body)) > limit {
		return 0, fmt.Errorf("%s answered more than %d bytes", path, limit)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return 0, fmt.Errorf("%s: not the JSON we know", path)
	}
	return resp.StatusCode, nil
}
