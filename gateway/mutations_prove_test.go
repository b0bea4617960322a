//go:build prove

package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestProveEachCheckFailsWithoutItsDecision builds the door once per mutation, with the mutated sources laid over the real ones,
// and wants the check's test to fail; unmutated, all of them pass first.
func TestProveEachCheckFailsWithoutItsDecision(t *testing.T) {
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string][]string{}
	all := slices.Concat(mutations, decisionMutations)
	for _, m := range all {
		if !slices.Contains(tests[m.room], m.test) {
			tests[m.room] = append(tests[m.room], m.test)
		}
	}
	for _, room := range slices.Sorted(maps.Keys(tests)) {
		if out, err := runTest(t, root, room, strings.Join(tests[room], "|"), nil); err != nil {
			t.Fatalf("the tests of %s fail already: %v\n%s", room, err, out)
		}
	}
	for _, m := range all {
		t.Run(m.check+" "+m.what, func(t *testing.T) {
			began := time.Now()
			out, err := runTest(t, root, m.room, m.test, m.swaps)
			switch {
			case err == nil:
				t.Errorf("%s passes without it", m.test)
			case !strings.Contains(out, "--- FAIL: "+m.test) && !strings.Contains(out, "panic: test timed out"):
				t.Errorf("%s did not run: %v\n%s", m.test, err, out)
			default:
				t.Logf("check %s: %s fails without %q (%.1f s):\n%s", m.check, m.test, m.what, time.Since(began).Seconds(), saidBy(out))
			}
		})
	}
}

// saidBy is what the test said of its failure, for whoever judges whether it failed for the right reason.
func saidBy(out string) string {
	var said []string
	for line := range strings.Lines(out) {
		if strings.Contains(line, "_test.go:") && len(said) < 5 {
			said = append(said, fmt.Sprintf("%.300s", strings.TrimSpace(line)))
		}
	}
	return strings.Join(said, "\n")
}

// runTest runs tests of room over the sources as swaps change them.
func runTest(t *testing.T, root, room, tests string, swaps []swap) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "go", "test", "-tags=nomsgpack", "-count=1", "-timeout=60s", "-overlay="+overlay(t, root, swaps), "-run", "^("+tests+")$", "./"+room)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// overlay writes the changed files and the list that lays them over the real ones.
func overlay(t *testing.T, root string, swaps []swap) string {
	t.Helper()
	dir := t.TempDir()
	texts, replace := map[string]string{}, map[string]string{}
	for _, s := range swaps {
		if _, known := texts[s.file]; !known {
			text, err := os.ReadFile(filepath.Join(root, s.file))
			if err != nil {
				t.Fatal(err)
			}
			texts[s.file] = string(text)
		}
		if !strings.Contains(texts[s.file], s.old) {
			t.Fatalf("%q does not stand in %s", s.old, s.file)
		}
		texts[s.file] = strings.Replace(texts[s.file], s.old, s.replacement, 1)
	}
	for file, text := range texts {
		changed := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(root, file)] = changed
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
