package tunnel

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// maxSecret is how much of a credentials, token or certificate file is read, bytes.
const maxSecret = 64 << 10

// uuid is how tunnel ids look.
var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// tunnelID returns the id of the tunnel that the configured secrets belong to.
func (r RunSettings) tunnelID() (string, error) {
	name, parse := r.TokenFile, tunnelOfToken
	if name == "" {
		name, parse = r.Credentials, tunnelOfCredentials
	}
	text, err := readSmall(name, maxSecret)
	if err != nil {
		return "", fmt.Errorf("tunnel secret: %w", err)
	}
	id, err := parse(text)
	if err != nil {
		return "", fmt.Errorf("tunnel secret: %s: %w", name, err)
	}
	return id, nil
}

// tunnelOfCredentials returns the tunnel id of a credentials file.
func tunnelOfCredentials(text []byte) (string, error) {
	var c struct{ AccountTag, TunnelSecret, TunnelID string }
	if json.Unmarshal(text, &c) != nil {
		return "", errors.New("it is not the JSON of a tunnel's credentials")
	}
	if c.AccountTag == "" || c.TunnelSecret == "" {
		return "", errors.New("it lacks AccountTag or TunnelSecret")
	}
	return checkedID(c.TunnelID)
}

// tunnelOfToken returns the tunnel id in a token: base64 of {"a": account, "t": tunnel, "s": secret}.
func tunnelOfToken(text []byte) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(string(trimmed(text)))
	var t struct{ A, T, S string }
	if err != nil || json.Unmarshal(raw, &t) != nil {
		return "", errors.New("it is not a tunnel token")
	}
	if t.A == "" || t.S == "" {
		return "", errors.New("the token lacks account or secret")
	}
	return checkedID(t.T)
}

func checkedID(id string) (string, error) {
	id = strings.ToLower(id)
	if !uuid.MatchString(id) {
		return "", errors.New("the tunnel id is not a UUID")
	}
	return id, nil
}

// configYAML is cloudflared's configuration, made of ours. Without it a config.yml in the home folder would be used. The
// rules stand in it only where we own them; with a token they live in the dashboard.
func (c *cloudflared) configYAML(id string) []byte {
	var b bytes.Buffer
	b.WriteString("# Written by sallyport at each start; changes here are lost.\n")
	b.WriteString("no-autoupdate: true\nedge-ip-version: \"4\"\n")
	if c.set.Run.TokenFile != "" {
		return b.Bytes()
	}
	fmt.Fprintf(&b, "tunnel: %s\ncredentials-file: %s\ningress:\n", strconv.Quote(id), strconv.Quote(c.set.Run.Credentials))
	if host := c.opt.host(); host != "" {
		fmt.Fprintf(&b, "  - hostname: %s\n    service: %s\n  - service: http_status:404\n", strconv.Quote(host), strconv.Quote("http://"+c.opt.Door))
		return b.Bytes()
	}
	fmt.Fprintf(&b, "  - service: %s\n", strconv.Quote("http://"+c.opt.Door))
	return b.Bytes()
}

func trimmed(text []byte) []byte { return bytes.TrimSpace(text) }
