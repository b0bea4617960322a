package preflight

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"time"
)

// Owner is a process that listens on a TCP address.
type Owner struct {
	// Addr is the address it listens on.
	Addr netip.AddrPort `json:"addr"`
	// PID is 0 where the system does not tell whose the listener is: another user's, or another container's.
	PID int `json:"pid"`
	// Command is the program with its script, without further arguments, which may hold secrets; "" where unknown.
	Command string `json:"command"`
	// Started is zero where unknown.
	Started time.Time `json:"started,omitzero"`
}

// String is "pid 812 (node server.js, since 09:14)".
func (o Owner) String() string {
	if o.PID == 0 {
		return "a process of another user"
	}
	return fmt.Sprintf("pid %d (%s)", o.PID, strings.Join(o.facts(time.Now()), ", "))
}

func (o Owner) facts(now time.Time) []string {
	command := o.Command
	if command == "" {
		command = "command unknown"
	}
	if o.Started.IsZero() {
		return []string{command}
	}
	layout := "2006-01-02 15:04"
	if o.Started.Format(time.DateOnly) == now.Format(time.DateOnly) {
		layout = "15:04"
	}
	return []string{command, "since " + o.Started.Format(layout)}
}

// Listeners returns who listens on port at any address, in order of the address; nil where nobody does or the system does
// not tell.
func Listeners(port uint16) []Owner { return listeners(port) }

// Holders returns who keeps others from listening on at: the owner of the same address, or of every address.
func Holders(at netip.AddrPort) []Owner {
	var holding []Owner
	for _, o := range listeners(at.Port()) {
		a, b := o.Addr.Addr().Unmap(), at.Addr().Unmap()
		if a == b || a.IsUnspecified() || b.IsUnspecified() {
			holding = append(holding, o)
		}
	}
	return holding
}

// shortCommand is the program and, for an interpreter, its script; what follows may hold secrets.
func shortCommand(args []string) string {
	if len(args) == 0 {
		return ""
	}
	short := filepath.Base(args[0])
	for _, arg := range args[1:] {
		if !strings.HasPrefix(arg, "-") {
			if !strings.ContainsAny(arg, "=:@ ") && len(arg) <= 60 {
				short += " " + filepath.Base(arg)
			}
			break
		}
	}
	return clip(short, 80)
}

// clip cuts text to n bytes and makes it printable on one line.
func clip(text string, n int) string {
	if len(text) > n {
		text = text[:n] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\ufffd' {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}
