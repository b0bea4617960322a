package middleware

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
)

func TestAbortedAnswerIsCutNotCompleted(t *testing.T) {
	st := started(t, quiet(), func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "[1,2,")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	})
	resp := st.get(t, "/")
	if b, err := io.ReadAll(resp.Body); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %q, %v, want an unexpected end", b, err)
	}
	eventually(t, "answer told", func() bool { st.mu.Lock(); defer st.mu.Unlock(); return len(st.answers) == 1 })
	if got := st.State.InFlight.Load(); got != 0 {
		t.Errorf("got %d in flight after the abort, want 0", got)
	}
}

func TestPanicBeforeTheAnswerIsA500AndAfterItACut(t *testing.T) {
	var log bytes.Buffer
	st := started(t, quiet(), func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
		}
		panic("boom")
	}, func(p *Parts) { p.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
	st.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	resp := st.get(t, "/early", "Cookie", "session=secret", "Authorization", "Bearer secret", "Cf-Access-Jwt-Assertion", "secret")
	wantStatus(t, resp, http.StatusInternalServerError)
	wantOnce(t, resp, onceEach...)
	if b := bodyOf(t, resp); strings.Contains(b, "boom") || !strings.Contains(b, `"status":500`) {
		t.Errorf("got body %q, want a problem document that names no cause", b)
	}
	if text := log.String(); !strings.Contains(text, "boom") || strings.Contains(text, "secret") {
		t.Errorf("got log %s, want the panic and no header", text)
	}
	if _, err := io.ReadAll(st.get(t, "/late").Body); err == nil {
		t.Error("a panic after the answer began came as a whole answer")
	}
	if got := st.State.Panics.Load(); got != 2 {
		t.Errorf("counted %d panics, want 2", got)
	}
}
