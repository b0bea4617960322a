package crossdoor

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
)

// through sends r through the stage and returns the texts kept, "source param text", and the body that the app saw.
func through(t *testing.T, s Settings, r *http.Request) (kept []string, body []byte, snapshot Snapshot) {
	t.Helper()
	w := New(s, Parts{Identify: func(*gin.Context) (string, string) { return "r1", "203.0.113.7" }})
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(w.Stage())
	engine.NoRoute(func(c *gin.Context) {
		var err error
		if body, err = io.ReadAll(c.Request.Body); err != nil {
			t.Errorf("read body: %v", err)
		}
		for e := range w.entries {
			values, _ := e.view()
			for _, v := range values {
				kept = append(kept, string(v.source)+" "+v.param+" "+v.text)
			}
		}
		c.Status(http.StatusNoContent)
	})
	engine.ServeHTTP(httptest.NewRecorder(), r)
	return kept, body, w.Snapshot()
}

func request(method, target, contentType, body string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

func TestStageKeepsEveryKindOfInput(t *testing.T) {
	multi := "--b\r\nContent-Disposition: form-data; name=\"q\"\r\n\r\nx' or 1=1\r\n--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a';b.txt\"\r\n\r\nhello text\r\n--b--\r\n"
	cookie := request("GET", "/", "", "")
	cookie.Header.Set("Cookie", "sid=abc' or 1; theme=dark")
	agent := request("GET", "/", "", "")
	agent.Header.Set("User-Agent", "x'),(1)--")
	for _, tc := range []struct {
		name string
		r    *http.Request
		want []string
	}{
		{"query", request("GET", "/s?q=x%27+OR+1%3D1", "", ""), []string{"query q x' or 1=1"}},
		{"query double encoded", request("GET", "/s?q=x%2527%2520or%25201", "", ""), []string{"query q x' or 1"}},
		{"query name", request("GET", "/s?id[1%20or%201]=5", "", ""), []string{"query (key) id[1 or 1]"}},
		{"repeated name", request("GET", "/s?a=1+union&a=select+2", "", ""), []string{"query a 1 union,select 2"}},
		{"path", request("GET", "/users/1%20or%201=1", "", ""), []string{"path  1 or 1=1"}},
		{"form", request("POST", "/", "application/x-www-form-urlencoded", "a=1&email=%27--"), []string{"form email '--"}},
		{"json", request("POST", "/", "application/json", `{"a":{"email":"x\u0027 or \"1\""}, "l":["y;--"]}`), []string{`json email x' or "1"`, "json l y;--"}},
		{"json in form", request("POST", "/", "application/x-www-form-urlencoded", `f=%7B%22v%22%3A%220+or+1%22%7D`), []string{"form f 0 or 1"}},
		{"multipart", request("POST", "/", "multipart/form-data; boundary=b", multi), []string{"multipart q x' or 1=1", "multipart f a';b.txt", "multipart f hello text"}},
		{"xml", request("POST", "/", "text/xml", `<a b="1 or 2">x' &amp; y</a>`), []string{"body  1 or 2", "body  x' & y"}},
		{"untyped json", request("POST", "/", "", `["1 or 1"]`), []string{"json  1 or 1"}},
		{"plain text", request("POST", "/", "text/plain", "1 or 1"), []string{"body  1 or 1"}},
		{"cookie", cookie, []string{"cookie sid abc' or 1"}},
		{"header", agent, []string{"header User-Agent x'),(1)--"}},
		{"base64", request("GET", "/?c=MSBvciAxPTE%3D", "", ""), []string{"query c 1 or 1=1"}},
		{"hex", request("GET", "/?c=31206f7220313d31", "", ""), []string{"query c 1 or 1=1"}},
		{"base64url json", request("GET", "/?c=eyJhZnRlciI6IjEgQU5EIDEifQ", "", ""), []string{"query c 1 and 1"}},
		{"html entities", request("GET", "/?c=1%26%2339%3Bor", "", ""), []string{"query c 1'or"}},
		{"fullwidth", request("GET", "/?c=%EF%BC%87+or", "", ""), []string{"query c ' or"}},
		{"percent u", request("GET", "/?c=%25u0027or", "", ""), []string{"query c 'or"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			kept, _, _ := through(t, Defaults(), tc.r)
			for _, want := range tc.want {
				if !slices.Contains(kept, want) {
					t.Errorf("kept %q, want %q among them", kept, want)
				}
			}
		})
	}
}

func TestStagePassesBodiesByteForByte(t *testing.T) {
	random := make([]byte, 1<<20)
	src := rand.NewChaCha8([32]byte{1})
	_, _ = src.Read(random)
	var big strings.Builder
	big.WriteString(`{"rows":[`)
	for big.Len() < 10<<20 {
		big.WriteString(`{"name":"O'Brien \u00e9\n","n":12345,"tags":["a b","c;d"]},`)
	}
	big.WriteString(`{}]}`)
	var multi bytes.Buffer
	mw := multipart.NewWriter(&multi)
	file, _ := mw.CreateFormFile("upload", "x.bin")
	_, _ = file.Write(random)
	_ = mw.WriteField("after", "the file")
	_ = mw.Close()
	var zipped bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	_, _ = gz.Write([]byte(`{"q":"1 or 1=1"}`))
	_ = gz.Close()
	for _, tc := range []struct {
		name, contentType, coding string
		body                      []byte
	}{
		{"10 MB JSON", "application/json", "", []byte(big.String())},
		{"multipart file", mw.FormDataContentType(), "", multi.Bytes()},
		{"gzip", "application/json", "gzip", zipped.Bytes()},
		{"broken gzip", "application/json", "gzip", random[:1000]},
		{"random", "application/octet-stream", "", random},
		{"random as json", "application/json", "", random},
		{"random as multipart", "multipart/form-data; boundary=b", "", random},
	} {
		for _, chunked := range []bool{false, true} {
			r := httptest.NewRequest("POST", "/", bytes.NewReader(tc.body))
			r.Header.Set("Content-Type", tc.contentType)
			if tc.coding != "" {
				r.Header.Set("Content-Encoding", tc.coding)
			}
			if chunked {
				r.ContentLength = -1
			}
			_, got, snap := through(t, Defaults(), r)
			if sha256.Sum256(got) != sha256.Sum256(tc.body) {
				t.Errorf("%s, chunked %v: the app got %d bytes with another hash, want %d", tc.name, chunked, len(got), len(tc.body))
			}
			if snap.Bytes > Defaults().RequestMax+valueOverhead {
				t.Errorf("%s: %d bytes held, want at most %d", tc.name, snap.Bytes, Defaults().RequestMax)
			}
		}
	}
}

func TestGzipIsInflatedForInspection(t *testing.T) {
	var zipped bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	_, _ = gz.Write([]byte(`{"q":"1 or 1=1"}`))
	_ = gz.Close()
	r := httptest.NewRequest("POST", "/", &zipped)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Encoding", "gzip")
	if kept, _, _ := through(t, Defaults(), r); !slices.Contains(kept, "json q 1 or 1=1") {
		t.Errorf("kept %q, want the inflated value", kept)
	}
}

func TestOneRequestStaysWithinItsBounds(t *testing.T) {
	s := Defaults()
	s.Values, s.ValueMax, s.RequestMax = 10, 100, 1000
	var q strings.Builder
	for i := range 50 {
		q.WriteString("&a" + string(rune('a'+i%26)) + "=" + strings.Repeat("x+y", 60))
	}
	kept, _, snap := through(t, s, request("GET", "/?"+q.String(), "", ""))
	if len(kept) > 10*maxSpellings {
		t.Errorf("%d values kept, want at most %d", len(kept), 10*maxSpellings)
	}
	if snap.Cut != 1 {
		t.Errorf("cut requests: got %d, want 1", snap.Cut)
	}
	if snap.Bytes > s.RequestMax+valueOverhead {
		t.Errorf("bytes held: got %d, want at most %d", snap.Bytes, s.RequestMax+valueOverhead)
	}
}

func TestLateRequestsAreForgottenAndTheirMemoryReturned(t *testing.T) {
	now := time.Unix(1000, 0)
	w := New(Defaults(), Parts{Now: func() time.Time { return now }})
	engine := gin.New()
	engine.Use(w.Stage())
	for range 5 {
		engine.ServeHTTP(httptest.NewRecorder(), request("GET", "/?q=one+or+two", "", ""))
	}
	if got := w.Snapshot().InFlight; got != 5 {
		t.Errorf("late requests held: got %d, want 5", got)
	}
	now = now.Add(Defaults().Late)
	engine.ServeHTTP(httptest.NewRecorder(), request("GET", "/", "", ""))
	if got := w.Snapshot(); got.InFlight != 1 || got.Bytes != 0 {
		t.Errorf("after their time: got %d requests and %d bytes, want 1 and 0", got.InFlight, got.Bytes)
	}
}

func TestFullWindowLetsRequestsPassAndCountsThem(t *testing.T) {
	s := Defaults()
	s.Requests = 1
	w := New(s, Parts{})
	engine := gin.New()
	engine.Use(w.Stage())
	served := 0
	engine.NoRoute(func(*gin.Context) {
		if served++; served < 3 { // while this one is in flight
			engine.ServeHTTP(httptest.NewRecorder(), request("GET", "/?q=x", "", ""))
		}
	})
	engine.ServeHTTP(httptest.NewRecorder(), request("GET", "/?q=x", "", ""))
	if got := w.Snapshot(); got.Full != 2 || served != 3 {
		t.Errorf("got %d full and %d served, want 2 and 3", got.Full, served)
	}
}
