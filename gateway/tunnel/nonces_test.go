package tunnel

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func ask(n *Nonces, method, path string, header ...string) int {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	n.Answer(w, r)
	return w.Code
}

func TestNonceIsAnsweredOnceAndOnlyByItsProcess(t *testing.T) {
	var ours, others Nonces
	nonce := ours.Issue()
	if got := ask(&others, http.MethodGet, ProbePath+nonce); got != http.StatusNotFound {
		t.Errorf("another process answered %d, want 404", got)
	}
	if got := ask(&ours, http.MethodPost, ProbePath+nonce); got != http.StatusNotFound {
		t.Errorf("POST answered %d, want 404", got)
	}
	if got := ask(&ours, http.MethodGet, ProbePath+nonce); got != http.StatusNoContent {
		t.Errorf("first GET answered %d, want 204", got)
	}
	if got := ask(&ours, http.MethodGet, ProbePath+nonce); got != http.StatusNotFound {
		t.Errorf("second GET answered %d, want 404", got)
	}
	if !ours.settle(nonce).arrived || ours.settle(nonce).arrived {
		t.Error("a nonce settles once, as arrived")
	}
}

func TestNonceEndsAfterTwoMinutes(t *testing.T) {
	now := dawn
	n := &Nonces{Now: func() time.Time { return now }}
	nonce := n.Issue()
	now = now.Add(nonceLives + 1)
	if got := ask(n, http.MethodGet, ProbePath+nonce); got != http.StatusNotFound {
		t.Errorf("late GET answered %d, want 404", got)
	}
}

func TestNoncesAreBounded(t *testing.T) {
	now := dawn
	n := &Nonces{Now: func() time.Time { return now }}
	first := n.Issue()
	for range 10 * maxNonces {
		now = now.Add(time.Millisecond)
		n.Issue()
	}
	if got := len(n.issued); got > maxNonces {
		t.Errorf("%d nonces kept, want at most %d", got, maxNonces)
	}
	if got := ask(n, http.MethodGet, ProbePath+first); got != http.StatusNotFound {
		t.Errorf("the oldest answered %d, want 404: it was dropped", got)
	}
}

func TestDoorTakesOnlyTheLastTag(t *testing.T) {
	d := NewDoor("secret")
	for _, c := range []struct {
		values []string
		want   bool
	}{
		{nil, false}, {[]string{""}, false}, {[]string{"secret"}, true}, {[]string{"spoofed", "secret"}, true},
		{[]string{"secret", "spoofed"}, false}, {[]string{"secre"}, false}, {[]string{"secret "}, false},
	} {
		if got := d.Check(c.values); got != c.want {
			t.Errorf("Check(%q) is %v, want %v", c.values, got, c.want)
		}
	}
	if (Door{}).Check([]string{""}) || NewDoor("").Check([]string{""}) {
		t.Error("a door without a key lets somebody in, want nobody")
	}
}

func TestDoorKeyIsMadeOnceAndKept(t *testing.T) {
	dir := t.TempDir()
	first, err := loadDoorKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := loadDoorKey(dir)
	if err != nil || first != second || len(first) != 64 {
		t.Errorf("keys are %q and %q (%v), want one key of 64 digits", first, second, err)
	}
}
