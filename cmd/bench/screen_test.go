package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
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
{"sql":"select a from t where b = '' or c = 2 or ''=''","input":"' or c = 2 or ''='","kind":"attack","mode":"raw","truth":"effective","ctx":"string"}
{"sql":"select a from t where b = 'x' || c","input":"y","kind":"attack","mode":"raw","truth":"effective","ctx":"string"}
`,
		"pairs/transformed.jsonl.gz": `{"sql":"select a from t where b = '' or c = 2 or ''=''","inputs":["JyBvciBjID0gMiBvciAnJz0n"],"kind":"attack","mode":"raw","truth":"effective","ctx":"base64"}` + "\n",
		"benign_sql/orm.jsonl.gz":    `{"sql":"BEGIN","kind":"benign","src":"orm"}` + "\n",
		"benign_inputs/hard.jsonl":   `{"text":"Robert'); DROP TABLE Students;--"}` + "\n",
		"attack/list.jsonl":          `{"text":"' or 1=1 --"}` + "\n",
	} {
		writeCorpus(t, filepath.Join(dir, name), text)
	}
	return dir
}

func writeCorpus(t *testing.T, path, text string) {
	t.Helper()
	data := []byte(text)
	if strings.HasSuffix(path, ".gz") {
		var packed bytes.Buffer
		z := gzip.NewWriter(&packed)
		if _, err := io.WriteString(z, text); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		data = packed.Bytes()
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestScreenCountsFoundAndRefusedOfEachGroup(t *testing.T) {
	var out bytes.Buffer
	if err := run(context.Background(), []string{"screen", "-corpus", writeCorpora(t), "-quick", "-pages", "50"}, &out); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{
		"attacks, verbatim, warm: 2 rows, 2 found (100.00 %), 1 refused (50.00 %); want found 99.5 %, refused 98.0 %: NOT reached",
		"attacks, verbatim, cold: 2 rows, 1 found (50.00 %), 1 refused (50.00 %)",
		"attacks, changed by the app, warm: 1 rows, 1 found (100.00 %), 1 refused (100.00 %); want found 90.0 %, refused 88.0 %: reached",
		"base64 1 rows 1 found 100.00 % 1 refused 100.00 %",
		"honest: benign values in safe statements, warm: 7 rows, 0 found (0.00 %), 0 refused (0.00 %); want 0 refused: reached",
		"honest: attack texts escaped or bound, cold: 6 rows,",
		"honest: logged statements of the six stacks: 1 rows, 0 found (0.00 %), 0 refused (0.00 %); want 0 refused: reached",
		"honest: statements of a dynamic search page (generated): 50 rows,",
		"second order, warm: 2 rows, 2 found (100.00 %)",
		"token boundaries:",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestScreenPrintsJSONAndHalves(t *testing.T) {
	rows := 0
	dir := writeCorpora(t)
	for _, half := range []string{"1", "2"} {
		var out bytes.Buffer
		err := run(context.Background(), []string{"screen", "-corpus", dir, "-quick", "-pages", "5", "-json", "-half", half}, &out)
		var r screenResult
		if err := errors.Join(err, json.Unmarshal(out.Bytes(), &r)); err != nil {
			t.Fatalf("half %s: %v in %s", half, err, out.String())
		}
		if len(r.Groups) > 0 {
			rows += r.Groups[0].Rows
		}
	}
	if rows != 2 {
		t.Errorf("both halves have %d attacks, want 2", rows)
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
