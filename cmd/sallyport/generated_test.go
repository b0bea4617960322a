package main

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write generated files anew")

// generated compares text with the file, or writes it with -update.
func generated(t *testing.T, file, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != text {
		t.Errorf("%s is stale (%v); run: go test ./cmd/sallyport -update", file, err)
	}
}
