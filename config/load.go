package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
)

// Sources are where settings come from, in the order in which later ones win: defaults, File, Environ, Flags.
type Sources struct {
	// File is the path of the settings file; "" means none.
	File string
	// Environ is the environment as os.Environ gives it.
	Environ []string
	// Flags are settings given on the command line, in order.
	Flags []Flag
}

// Flag is one setting given on the command line.
type Flag struct {
	// Name is the flag as typed, such as --app; Key the setting, such as http.upstream.
	Name, Key, Value string
}

// Load reads src and returns checked settings. What is wrong comes as Mistakes, all at once; a file that cannot be read as
// another error. It may be called again to reload, from any goroutine.
func Load(src Sources) (Config, error) {
	var text []byte
	if src.File != "" {
		var err error
		switch text, err = readFile(src.File, maxFile); {
		case errors.Is(err, fs.ErrNotExist):
			return Config{}, fmt.Errorf("settings: %w; sallyport init writes a first file", err)
		case err != nil:
			return Config{}, fmt.Errorf("settings: %w", err)
		}
	}
	return load(src, text)
}

// load is Load with the file read.
func load(src Sources, text []byte) (Config, error) {
	cfg := Defaults()
	root, bad := parse(src.File, text)
	if root == nil && bad != nil {
		return Config{}, bad.sorted()
	}
	d := &decoder{file: src.File, places: map[string]place{}, bad: bad}
	v := reflect.ValueOf(&cfg).Elem()
	if root != nil {
		d.section(v, root, "", place{src.File, root.line, root.col})
	}
	d.environment(v, src.Environ)
	d.flags(v, src.Flags)
	cfg.book = &book{places: d.places, sources: src}
	cfg.book.variables = cfg.secretVariables()
	cfg.settle(src)
	d.bad = append(append(d.bad, cfg.inlineSecrets()...), cfg.mistakes()...)
	if len(d.bad) > 0 {
		return Config{}, d.bad.sorted()
	}
	return cfg, nil
}

// settle gives parts what another part's key says, and makes relative paths mean what a reader expects.
func (c *Config) settle(src Sources) {
	c.HTTP.App.Timeout = c.HTTP.Door.Timeouts.Upstream
	c.HTTP.Head.HeaderTimeout = c.HTTP.Door.Timeouts.Header
	home := filepath.Dir(src.File)
	env := lookup(src.Environ)
	for _, s := range settings(reflect.ValueOf(c).Elem(), "") {
		resolve(s.value, s.name, home, env)
	}
}

// readFile reads at most limit bytes; errors name the path once.
func readFile(path string, limit int) ([]byte, error) {
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case st.IsDir():
		return nil, fmt.Errorf("%s is a folder, want a file", path)
	case st.Size() > int64(limit):
		return nil, fmt.Errorf("%s has %d bytes, want at most %d", path, st.Size(), limit)
	}
	return os.ReadFile(path)
}

func (c Config) environ() []string {
	if c.book == nil {
		return nil
	}
	return c.book.sources.Environ
}

// AsMistakes returns what is wrong with the settings, nil where err says something else.
func AsMistakes(err error) Mistakes {
	var m Mistakes
	errors.As(err, &m)
	return m
}
