package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// writeCorpora makes a folder of small corpora as screen reads them.
func writeCorpora(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"pairs/templates.jsonl.gz": `{"sql":"select a from t where b = 'x'","input":"x","kind":"benign","mode":"raw","truth":"inert","ctx":"string"}
{"sql":"select a from t where b = '' or 1=1","input":"' or 1=1","kind":"attack","mode":"raw","truth":"effective","ctx":"string"}
{"sql":"select a from t where b = '' or c = 2","input":"' or c = 2","kind":"attack","mode":"raw","truth":"effective","ctx":"string"}
`,
		"pairs/transformed.jsonl.gz": "",
		"benign_sql/orm.jsonl.gz":    `{"sql":"BEGIN","kind":"benign","src":"orm"}` + "\n",
	} {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := io.WriteString(z, text); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestScreenCountsFoundAndRefused(t *testing.T) {
	var out bytes.Buffer
	if err := run(context.Background(), []string{"screen", "-corpus", writeCorpora(t)}, &out); err != nil {
		t.Fatal(err)
	}
	cold, warm, _ := strings.Cut(out.String(), "== rules and growth, warm")
	for part, want := range map[string][]string{
		cold: {"attack, effective 2 1 1 50.0 %", "honest: orm 1 0 0"},
		warm: {"attack, effective 2 2 1 50.0 %", "honest 1 0 0 0.0 %", "1 statements, 0 known when they came, 0 grown, 0 refused"},
	} {
		got := strings.Join(strings.Fields(part), " ")
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%q is not in\n%s", w, part)
			}
		}
	}
}

func TestUnknownCommandsAreRefused(t *testing.T) {
	var out bytes.Buffer
	if err := run(context.Background(), []string{"nothing"}, &out); err == nil || !strings.Contains(out.String(), "screen") {
		t.Errorf("got %v and %q, want an error and the list", err, out.String())
	}
	if err := run(context.Background(), []string{"screen", "-corpus", t.TempDir()}, &out); err == nil {
		t.Error("an empty folder: got no error")
	}
}
