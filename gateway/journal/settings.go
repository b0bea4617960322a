package journal

import (
	"fmt"
	"time"
)

// Settings are those of the history file.
type Settings struct {
	Path string        `yaml:"path" doc:"The SQLite file that keeps events and one-minute figures; empty keeps them in memory only."`
	Keep time.Duration `yaml:"keep" doc:"How long events and figures stay in the history file."`
	Max  int64         `yaml:"max" unit:"bytes" doc:"How large the history file may grow; the oldest day goes first."`
}

// Defaults are the settings without a file: history in memory only.
func Defaults() Settings {
	return Settings{Keep: 30 * 24 * time.Hour, Max: 200 << 20}
}

// Validate returns all mistakes in s; it looks at values only, never at the disk.
func (s Settings) Validate() []error {
	var bad []error
	if s.Keep < time.Hour {
		bad = append(bad, fmt.Errorf("keep is %v, want 1h or more", s.Keep))
	}
	if s.Max < 1<<20 {
		bad = append(bad, fmt.Errorf("max is %d bytes, want 1MB or more", s.Max))
	}
	return bad
}
