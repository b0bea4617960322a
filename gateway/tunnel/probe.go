package tunnel

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// ProbeClass says where a probe through the public URL ended.
type ProbeClass string

// The classes. Only ProbeReached says that the public URL reaches this process through Cloudflare.
const (
	ProbeReached      ProbeClass = "reached"
	ProbeDirect       ProbeClass = "without-cloudflare"
	ProbeOther        ProbeClass = "answered-by-other"
	ProbeRouteLost    ProbeClass = "route-lost"
	ProbeOrigin       ProbeClass = "origin-down"
	ProbeInconclusive ProbeClass = "inconclusive"
	ProbeDNS          ProbeClass = "dns"
	ProbeTLS          ProbeClass = "tls"
	ProbeTimeout      ProbeClass = "timeout"
)

// sentence says what c means, with what was answered.
func (c ProbeClass) sentence(quote string) string {
	meaning := map[ProbeClass]string{
		ProbeReached:      "the public URL reaches this process",
		ProbeDirect:       "the public URL reaches this process without passing Cloudflare",
		ProbeOther:        "the public URL is answered by somebody else, not by this process",
		ProbeRouteLost:    "Cloudflare has no route to the tunnel although it is connected",
		ProbeOrigin:       "Cloudflare reaches the tunnel, but the tunnel does not reach the HTTP door",
		ProbeInconclusive: "the probe was stopped by an access or bot check, which proves nothing",
		ProbeDNS:          "the public host name does not resolve",
		ProbeTLS:          "the public certificate is not valid",
		ProbeTimeout:      "the public URL cannot be reached",
	}[c]
	if quote == "" {
		return meaning
	}
	return meaning + ": " + quote
}

// ProbeResult is what came of one probe.
type ProbeResult struct {
	At      time.Time     `json:"at"`
	Class   ProbeClass    `json:"class"`
	Latency time.Duration `json:"-"`
	// LatencyMs is Latency in milliseconds.
	LatencyMs float64 `json:"latency"`
	// Meaning is one sentence, with what was answered.
	Meaning string `json:"meaning"`
	// Foreign is true where the probe arrived, but not by our own connector.
	Foreign bool `json:"foreign,omitempty"`
	// NotAfter is when the public certificate ends; zero over plain HTTP or where there was no handshake.
	NotAfter time.Time `json:"notAfter,omitzero"`
	Issuer   string    `json:"issuer,omitempty"`

	quote string
}

// maxBody is how much of an answer is read, bytes.
const maxBody = 4 << 10

// prober sends nonces through the public URL.
type prober struct {
	url     string // "" means there is none
	nonces  *Nonces
	door    Door
	timeout time.Duration
	roots   *x509.CertPool // nil means the system's
	dial    func(ctx context.Context, network, addr string) (net.Conn, error)
	now     func() time.Time
}

// probe sends one nonce. connector is our connector's id; "" where it is not known.
func (p prober) probe(ctx context.Context, connector string) ProbeResult {
	nonce := p.nonces.Issue()
	begin := p.now()
	answer, err := p.get(ctx, nonce)
	came := p.nonces.settle(nonce)
	r := ProbeResult{At: begin, Latency: p.now().Sub(begin), NotAfter: answer.notAfter, Issuer: answer.issuer}
	r.LatencyMs = float64(r.Latency.Microseconds()) / 1000
	switch {
	case err != nil:
		r.Class, r.quote = classOfError(err), shorten(cause(err), 200)
	case came.arrived && answer.status == http.StatusNoContent:
		r.Class, r.Foreign = p.classOfArrival(came, connector)
	default:
		r.Class, r.quote = classOfAnswer(answer)
	}
	r.Meaning = r.Class.sentence(r.quote)
	return r
}

// classOfArrival tells our own connector from a foreign one and from no Cloudflare at all.
func (p prober) classOfArrival(a arrival, connector string) (ProbeClass, bool) {
	if !a.cloudflare {
		return ProbeDirect, false
	}
	if p.door.Known() {
		return ProbeReached, !p.door.Check(a.door)
	}
	return ProbeReached, connector != "" && a.connector != connector
}

// answer is what the public URL said.
type answer struct {
	status   int
	header   http.Header
	body     string // at most maxBody
	notAfter time.Time
	issuer   string
}

// get asks once: no redirect is followed, no proxy used, no connection kept.
func (p prober) get(ctx context.Context, nonce string) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(p.url, "/")+ProbePath+nonce, nil)
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("User-Agent", "sallyport-probe")
	req.Header.Set("Cache-Control", "no-cache")
	tr := &http.Transport{
		DialContext: p.dial, TLSClientConfig: &tls.Config{RootCAs: p.roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
	}
	defer tr.CloseIdleConnections()
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(body)}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		leaf := resp.TLS.PeerCertificates[0]
		a.notAfter, a.issuer = leaf.NotAfter, shorten(leaf.Issuer.String(), 100)
	}
	return a, err
}

// classOfAnswer judges an answer that did not come from this process.
func classOfAnswer(a answer) (ProbeClass, string) {
	quote := fmt.Sprintf("status %d", a.status)
	edge := a.header.Get("Cf-Ray") != "" || strings.EqualFold(a.header.Get("Server"), "cloudflare")
	switch code := edgeError(a.body); {
	case challenged(a):
		return ProbeInconclusive, quote
	case a.status == 530 || code == "1033":
		if code != "" {
			quote += ", error code " + code
		}
		return ProbeRouteLost, quote
	case a.status == http.StatusBadGateway, a.status > 519 && a.status < 528:
		return ProbeOrigin, quote
	case !edge:
		return ProbeOther, quote + ", not by way of Cloudflare"
	}
	return ProbeOther, quote
}

// challenged recognises Cloudflare Access and the bot check, both of which stop a probe that is otherwise fine.
func challenged(a answer) bool {
	if a.header.Get("Cf-Mitigated") != "" {
		return true
	}
	to := a.header.Get("Location")
	return a.status >= 300 && a.status < 400 && strings.Contains(to, ".cloudflareaccess.com/") ||
		a.header.Get("Cf-Access-Domain") != "" || a.header.Get("Cf-Access-Aud") != ""
}

// edgeError returns the number in "error code: 1033", "" where there is none.
func edgeError(body string) string {
	_, rest, ok := strings.Cut(strings.ToLower(body), "error code: ")
	if !ok {
		_, rest, ok = strings.Cut(strings.ToLower(body), "error 10")
		if !ok {
			return ""
		}
		rest = "10" + rest
	}
	n := 0
	for n < len(rest) && n < 5 && rest[n] >= '0' && rest[n] <= '9' {
		n++
	}
	return rest[:n]
}

// classOfError judges a request that got no answer.
func classOfError(err error) ProbeClass {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &dns):
		return ProbeDNS
	case errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid), errors.As(err, &verify), errors.As(err, &record), errors.As(err, &alert):
		return ProbeTLS
	}
	return ProbeTimeout
}

// cause is the innermost text of err, which names no URL and so no nonce.
func cause(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
