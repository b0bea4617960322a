package config

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// FuzzLoad: no file makes the loader panic or hang; mistakes have a place and no line break; what loads prints and loads again.
func FuzzLoad(f *testing.F) {
	for _, name := range []string{"testdata/full.yaml", "testdata/ten.yaml"} {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("a: &a [*a]\nb: |\n  x\n? y\n: - - z\n"))
	f.Add([]byte("http: {header_rules: {X-A: {value: 'a: b', mode: set}}}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		cfg, err := load(Sources{File: "s.yaml"}, text)
		if err != nil {
			for _, m := range AsMistakes(err) {
				if m.File == "" || m.Text == "" || strings.Contains(m.Error(), "config.") {
					t.Errorf("mistake without a place or in Go's words: %+v", m)
				}
			}
			return
		}
		var out bytes.Buffer
		if err := cfg.Print(&out, false); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "***") {
			return
		}
		again, err := load(Sources{File: "s.yaml"}, out.Bytes())
		if err != nil {
			t.Fatalf("printed settings do not load: %v\n%s", err, out.String())
		}
		if d := cfg.Diff(again); d != nil {
			t.Errorf("printed settings differ: %v", d)
		}
	})
}

func FuzzAmount(f *testing.F) {
	for _, s := range []string{"30s", "1h30m", "10MB", "0", "1.5KiB", "9999999999999d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := parseDuration(text); err == nil {
			if again, err := parseDuration(formatDuration(d)); err != nil || again != d {
				t.Errorf("%q is %s, shown as %s, read as %s, %v", text, d, formatDuration(d), again, err)
			}
		}
		if n, err := parseSize(text); err == nil {
			if again, err := parseSize(formatSize(n)); err != nil || again != n {
				t.Errorf("%q is %d, shown as %s, read as %d, %v", text, n, formatSize(n), again, err)
			}
		}
	})
}
