package tunnel

import (
	"encoding/json"
	"strings"
)

// lineClass is what a line of cloudflared's log means.
type lineClass string

const (
	lineOther       lineClass = ""
	lineRegistered  lineClass = "registered"
	lineQUICDial    lineClass = "quic-dial"
	lineAuth        lineClass = "auth"
	lineCredentials lineClass = "credentials"
	lineConfig      lineClass = "config"
	lineNetwork     lineClass = "network"
	linePort        lineClass = "port"
	lineUsage       lineClass = "usage"
	lineOrigin      lineClass = "origin"
	lineRules       lineClass = "rules"
	lineVersion     lineClass = "version"
	lineFailure     lineClass = "failure" // an error that fits nothing else
)

// tellsReason reports whether a line of class c can be why a process ended.
func (c lineClass) tellsReason() bool {
	switch c {
	case lineAuth, lineCredentials, lineConfig, lineNetwork, linePort, lineUsage:
		return true
	}
	return false
}

// phrase is a piece of text that gives a line its class.
type phrase struct {
	class lineClass
	text  string // lower case
}

// phrases are looked for in message and error, in this order; texts are those of cloudflared 2026.8.2.
// The origin comes first, since its error can quote what the origin said.
var phrases = []phrase{
	{lineOrigin, "unable to reach the origin service"},
	{lineRegistered, "registered tunnel connection"},
	{lineRules, "updated to new configuration"},
	{lineQUICDial, "failed to dial a quic connection"},
	{lineAuth, "invalid tunnel secret"},
	{lineAuth, "unauthorized"},
	{lineAuth, "tunnel token is not valid"},
	{lineCredentials, "tunnel credentials file"},
	{lineCredentials, "couldn't decode tunnel secret"},
	{lineCredentials, "decoded tunnel secret must be"},
	{lineConfig, "error parsing tunnel id"},
	{lineConfig, "error parsing yaml"},
	{lineConfig, "yaml:"},
	{lineConfig, "ingress rule"},
	{linePort, "error opening metrics server listener"},
	{lineNetwork, "no such host"},
	{lineNetwork, "dns query failed"},
	{lineNetwork, "server misbehaving"},
	{lineNetwork, "network is unreachable"},
	{lineUsage, "incorrect usage"},
	{lineUsage, "flag provided but not defined"},
	{lineUsage, "requires the id or name of the tunnel"},
}

// maxLine is how much of a log line is looked at and kept, bytes.
const maxLine = 4 << 10

// logLine is a line of --output json; lines that are not JSON are all message.
type logLine struct {
	Level    string `json:"level"`
	Message  string `json:"message"`
	Error    string `json:"error"`
	Protocol string `json:"protocol"`
	IP       string `json:"ip"`
	Location string `json:"location"`
}

// parseLine reads one line of cloudflared's output; what is over maxLine is not looked at.
func parseLine(raw []byte) logLine {
	raw = raw[:min(len(raw), maxLine)]
	var l logLine
	if len(raw) == 0 || raw[0] != '{' || json.Unmarshal(raw, &l) != nil {
		return logLine{Message: strings.ToValidUTF8(strings.TrimSpace(string(raw)), "?")}
	}
	return l
}

// class says what l means.
func (l logLine) class() lineClass {
	text := strings.ToLower(l.Message + "\n" + l.Error)
	if strings.HasPrefix(l.Message, "Version ") {
		return lineVersion
	}
	if strings.Contains(text, "unregistered tunnel connection") {
		return lineOther
	}
	for _, p := range phrases {
		if strings.Contains(text, p.text) && (l.isError() || !p.class.tellsReason()) {
			return p.class
		}
	}
	if l.Level != "" && l.isError() || strings.HasPrefix(text, "panic: ") || strings.HasPrefix(text, "fatal error: ") {
		return lineFailure
	}
	return lineOther
}

// isError reports lines of level error and above, and those that are not JSON: usage and last words come as plain text.
func (l logLine) isError() bool {
	return l.Level == "" || l.Level == "error" || l.Level == "fatal" || l.Level == "panic"
}

// text is l as a person would quote it, on one line of at most 300 bytes.
func (l logLine) text() string {
	s := l.Message
	if l.Error != "" {
		s += ": " + l.Error
	}
	return shorten(s, 300)
}

// shorten returns s on one line, without control bytes, at most n bytes long.
func shorten(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
