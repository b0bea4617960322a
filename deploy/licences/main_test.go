package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestProveGoIsUnderThreeClauses(t *testing.T) {
	root, err := goSays(".", "env", "GOROOT")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	if got := identify(string(text)); got != "BSD-3-Clause" {
		t.Errorf("Go's licence is taken for %q, want BSD-3-Clause", got)
	}
	fourth := strings.Replace(string(text), "Neither the name", "All advertising materials mentioning features must display an acknowledgement. Neither the name", 1)
	if got := identify(fourth); got != "" {
		t.Errorf("with the advertising clause it is taken for %q, want none", got)
	}
}

func TestProveOwnLicenceAndThePagesPartsAreKnown(t *testing.T) {
	for file, want := range map[string]string{
		"LICENSE": "Apache-2.0", "gateway/dashboard/assets/uplot-license.txt": "MIT", "gateway/dashboard/assets/inter-license.txt": "OFL-1.1",
	} {
		text, err := os.ReadFile(filepath.Join("../..", file))
		if err != nil {
			t.Fatal(err)
		}
		if got := identify(string(text)); got != want {
			t.Errorf("%s is taken for %q, want %s", file, got, want)
		}
	}
	if got := identify("You may not use this."); got != "" {
		t.Errorf("a text of its own is taken for %q", got)
	}
}
