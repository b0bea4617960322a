package config

import (
	"fmt"
	"strings"
)

// book keeps where each value came from and how to load again.
type book struct {
	places  map[string]place
	sources Sources
	// variables are those of the environment that hold our secrets.
	variables []string
}

// fromDefault is the origin of a value that nobody set.
const fromDefault = "default"

// Origin tells where key's value was set: "sallyport.yaml:9:3", "SALLYPORT_HTTP_LISTEN", "--app" or "default".
func (c Config) Origin(key string) string {
	if c.book == nil {
		return fromDefault
	}
	at, ok := c.book.places[key]
	if !ok {
		return fromDefault
	}
	return at.String()
}

// File returns the path of the settings file, "" where there is none.
func (c Config) File() string {
	if c.book == nil {
		return ""
	}
	return c.book.sources.File
}

// Reload loads the same sources again.
func (c Config) Reload() (Config, error) {
	if c.book == nil {
		return c, nil
	}
	return Load(c.book.sources)
}

func (p place) String() string {
	if p.line == 0 {
		return p.file
	}
	return fmt.Sprintf("%s:%d:%d", p.file, p.line, p.col)
}

// locate finds the place of key, or of the nearest thing around it that stands in the file.
func (b *book) locate(key string) place {
	for key != "" {
		if at, ok := b.places[key]; ok {
			return at
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
	return place{file: b.sources.File}
}

// mistake is text, which begins with key, with the place of key.
func (b *book) mistake(key, text string) Mistake {
	at := b.locate(key)
	return Mistake{File: at.file, Line: at.line, Col: at.col, Key: key, Text: text}
}
