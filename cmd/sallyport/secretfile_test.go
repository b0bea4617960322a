package main

import (
	"os"
	"testing"
)

func TestSecretThatHasNotChangedKeepsItsFile(t *testing.T) {
	var s secretFiles
	defer s.Close() //nolint:errcheck // the test is over
	paths := map[string]bool{}
	for _, secret := range []string{"one", "one", "two", "one"} {
		path, err := s.keep("database.users", secret)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != secret {
			t.Errorf("the file holds %q, %v; want %q", text, err, secret)
		}
		paths[path] = true
	}
	if len(paths) != 2 {
		t.Errorf("%d files for two secrets, want 2", len(paths))
	}
}
