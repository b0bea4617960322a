package main

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"

	"sallyport/config"
)

func TestEventLogHearsLevelsAndNoRequests(t *testing.T) {
	for _, format := range []string{"json", "text"} {
		var written bytes.Buffer
		l := openLogs(config.Log{Level: "debug", Format: format}, &written)
		for level, say := range map[slog.Level]func(string, ...any){slog.LevelInfo: l.logger.Info, slog.LevelWarn: l.logger.Warn, slog.LevelError: l.logger.Error} {
			written.Reset()
			say("event", "summary", `level=ERROR "level":"ERROR"`)
			if got, told := eventLevel(written.Bytes()); got != level || !told {
				t.Errorf("%s: %s is told as %v (%v), want %v", format, written.String(), got, told, level)
			}
		}
	}
	for line, want := range map[string]struct {
		level slog.Level
		told  bool
	}{
		`{"time":"2026-11-24T13:45:04Z","level":"INFO","msg":"request","request":"c45f","status":200}` + "\n": {slog.LevelInfo, false},
		"\n": {0, false}, "  admin          http://127.0.0.1:9901/\n": {slog.LevelInfo, true},
	} {
		if level, told := eventLevel([]byte(line)); level != want.level || told != want.told {
			t.Errorf("%q: got %v, %v, want %+v", line, level, told, want)
		}
	}
	for _, say := range []func(*program){
		func(p *program) { p.complain(errors.New("nothing was sent")) },
		func(p *program) { p.sayMistakes(config.Mistakes{{Text: "http.listen is \"\", want an address"}}) },
	} {
		var said bytes.Buffer
		say(newProgram(&said, &said))
		if level, told := eventLevel(said.Bytes()); level != slog.LevelError || !told {
			t.Errorf("%q: got %v, %v, want an error", said.String(), level, told)
		}
	}
}
