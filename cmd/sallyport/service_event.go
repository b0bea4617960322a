package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"regexp"
)

var (
	// textLevel finds the level in a line of slog's text form.
	textLevel = regexp.MustCompile(`^time=\S+ level=(\w+) `)
	// complaint is how voice.go begins a sentence about what went wrong; mistakes in the settings stand before it.
	complaint = regexp.MustCompile(`(?m)^sallyport: `)
)

// eventLevel is how severe a line of ours is to an event log. It is not told where there is nothing in it, and where it is about a single
// request: an event log is no access log.
func eventLevel(line []byte) (level slog.Level, told bool) {
	line = bytes.TrimSpace(line)
	var entry struct {
		Level slog.Level `json:"level"`
		Msg   string     `json:"msg"`
	}
	switch text := textLevel.FindSubmatch(line); {
	case len(line) == 0:
		return 0, false
	case json.Unmarshal(line, &entry) == nil:
		return entry.Level, entry.Msg != "request"
	case text != nil && level.UnmarshalText(text[1]) == nil:
		return level, true
	case complaint.Match(line):
		return slog.LevelError, true
	}
	return slog.LevelInfo, true
}
