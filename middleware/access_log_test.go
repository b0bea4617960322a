package middleware

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"
)

// lineLog is an access log that tests read.
type lineLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lineLog) lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Split(strings.TrimSuffix(l.b.String(), "\n"), "\n")
}

func TestAccessLogTellsTheRequestAndNoSecret(t *testing.T) {
	var log lineLog
	st := started(t, quiet(), ok, func(p *Parts) { p.AccessLog = &log })
	resp := st.get(t, "/a%22hunter2/b?token=hunter2&q=hunter2&hunter2&it's%20hunter2=1", "Cookie", "s=hunter2", "Authorization", "Bearer hunter2",
		"Cf-Access-Jwt-Assertion", "hunter2", "User-Agent", "probe \"1\"\\", "Cf-Connecting-Ip", "203.0.113.7")
	bodyOf(t, resp)
	eventually(t, "line written", func() bool { return log.lines()[0] != "" })
	line := log.lines()[0]
	if strings.Contains(line, "hunter2") {
		t.Errorf("the log holds a secret: %s", line)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatalf("the line is no JSON: %v: %s", err, line)
	}
	want := map[string]any{
		"level": "INFO", "msg": "request", "request": resp.Header.Get("X-Request-Id"), "client": "203.0.113.7", "method": "GET",
		"path": "/*/b", "query": "token=-&q=-&-&(unusual)=-", "agent": "(unusual)", "status": 200.0, "bytes": 2.0,
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("got %s %v, want %v", key, got[key], value)
		}
	}
}

func TestAccessLogTellsRefusalsAndAborts(t *testing.T) {
	var log lineLog
	s := quiet()
	s.BodyMax = 3
	st := started(t, s, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, func(p *Parts) { p.AccessLog = &log })
	st.do(t, http.MethodPost, "/big", strings.NewReader("four"))
	if resp, err := http.Get(st.URL + "/abort"); err == nil {
		resp.Body.Close()
		t.Error("the abort came as an answer")
	}
	eventually(t, "two lines", func() bool { return len(log.lines()) >= 2 })
	all := strings.Join(log.lines(), "\n")
	if !strings.Contains(all, `"status":413`) || !strings.Contains(all, `"refused":"body-size"`) || !strings.Contains(all, `"path":"/abort"`) {
		t.Errorf("got %s, want the refusal and the abort", all)
	}
}

func FuzzLogText(f *testing.F) {
	for _, seed := range []string{"plain", "\x00\"\\\n", "\xff\xfe", "\u2028", "日本"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		line := append(appendText([]byte(`{"a":"`), `","b":"`, s), '"', '}')
		var got struct{ B string }
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%q became %q: %v", s, line, err)
		}
		if len(s) <= maxLogged && utf8.ValidString(s) && !strings.ContainsAny(s, "\u2028\u2029\ufffd") && got.B != s {
			t.Errorf("got %q back, want %q", got.B, s)
		}
		query := append(appendQueryNames([]byte(`{"b":"`), s), '"', '}')
		if !json.Valid(query) {
			t.Fatalf("query %q became %q", s, query)
		}
	})
}
