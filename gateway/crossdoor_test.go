package gateway

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"sallyport/config"
)

// hashBody answers the hash and the length of what came.
func hashBody(w http.ResponseWriter, r *http.Request) {
	h := sha256.New()
	n, err := io.Copy(h, r.Body)
	_, _ = fmt.Fprintf(w, "%x %d %v", h.Sum(nil), n, err)
}

// live is a WebSocket with the same hole as the rest of the shop: each message is a name to look for, as JSON.
func (s *shop) live(w http.ResponseWriter) {
	c, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer c.Close()
	_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
	for {
		var ask struct{ Name string }
		text, err := readFrame(rw.Reader)
		if err != nil || json.Unmarshal(text, &ask) != nil {
			return
		}
		rows, _ := s.pool.Query(context.Background(), "select name from product where name = '"+ask.Name+"'", pgx.QueryExecModeSimpleProtocol)
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		answer := fmt.Sprint(names)
		if pg, refused := err.(*pgconn.PgError); refused {
			answer = pg.Code
		}
		_, _ = c.Write(append([]byte{0x81, byte(len(answer))}, answer...))
	}
}

// readFrame reads one short frame, masked or not.
func readFrame(r *bufio.Reader) ([]byte, error) {
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	var mask [4]byte
	if head[1]&0x80 != 0 {
		if _, err := io.ReadFull(r, mask[:]); err != nil {
			return nil, err
		}
	}
	text := make([]byte, head[1]&0x7f)
	_, err := io.ReadFull(r, text)
	for i := range text {
		text[i] ^= mask[i&3]
	}
	return text, err
}

func TestMessageOfAWebSocketThatBecomesSQLIsRefused(t *testing.T) {
	h, _, _ := both(t)
	c, err := net.Dial("tcp", h.at.HTTP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	_, _ = io.WriteString(c, "GET /live HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	r := bufio.NewReader(c)
	if resp, err := http.ReadResponse(r, nil); err != nil || resp.StatusCode != 101 {
		t.Fatalf("upgrade: got %+v, %v; want 101", resp, err)
	}
	for _, say := range []struct{ name, want string }{
		{"apple", "[apple]"}, {"x' or 'a'='a", "42501"}, {"pear", "[pear]"}, {"kiwi' union select 'b", "42501"}, {"apple", "[apple]"},
	} {
		text, _ := json.Marshal(map[string]string{"name": say.name})
		frame := append([]byte{0x81, 0x80 | byte(len(text)), 1, 2, 3, 4}, text...)
		for i := range text {
			frame[6+i] ^= byte(1 + i&3)
		}
		if _, err := c.Write(frame); err != nil {
			t.Fatal(err)
		}
		if got, err := readFrame(r); string(got) != say.want {
			t.Errorf("%s: got %q, %v; want %q", say.name, got, err, say.want)
		}
	}
	var sec securityAnswer
	h.get("admin", "/api/hardening/security").json(t, &sec)
	if b := sec.Database.Blocked; len(b) != 2 || b[0].Crossing == nil || b[0].Crossing.Source != "websocket" || b[0].Crossing.Param != "name" {
		t.Errorf("blocked: got %+v, want two of the socket's name", b)
	}
}

// onlyReader hides everything of a reader but Read, so that a client sends it in chunks.
type onlyReader struct{ io.Reader }

func TestBodiesPassBothDoorsByteForByte(t *testing.T) {
	h, _, _ := both(t, func(c *config.Config) { c.HTTP.Door.BodyMax = 20_000_000 })
	noise := make([]byte, 3<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(noise)
	var big bytes.Buffer
	for big.WriteString(`{"rows":[`); big.Len() < 10<<20; {
		big.WriteString(`{"name":"O'Brien \u00e9\n","n":12345,"tags":["a b","c;d"]},`)
	}
	big.WriteString(`{}]}`)
	var form, zipped bytes.Buffer
	mw := multipart.NewWriter(&form)
	file, _ := mw.CreateFormFile("upload", "x.bin")
	_, _ = file.Write(noise)
	_ = mw.WriteField("after", "the file")
	_ = mw.Close()
	gz := gzip.NewWriter(&zipped)
	_, _ = gz.Write(big.Bytes())
	_ = gz.Close()
	for _, tc := range []struct {
		name, contentType, coding string
		body                      []byte
	}{
		{"10 MB JSON", "application/json", "", big.Bytes()},
		{"multipart with a file", mw.FormDataContentType(), "", form.Bytes()},
		{"gzip of 10 MB", "application/json", "gzip", zipped.Bytes()},
		{"noise called gzip", "application/json", "gzip", noise},
		{"noise called a form", "application/x-www-form-urlencoded", "", noise},
		{"an unknown coding", "application/json", "br", noise},
	} {
		for _, chunked := range []bool{false, true} {
			var body io.Reader = bytes.NewReader(tc.body)
			if chunked {
				body = onlyReader{body}
			}
			want := fmt.Sprintf("%x %d <nil>", sha256.Sum256(tc.body), len(tc.body))
			got := h.do("http", "POST", "/hash", body, "Content-Type", tc.contentType, "Content-Encoding", tc.coding)
			if got.status != 200 || got.body != want {
				t.Errorf("%s, chunked %t: got %d %.100s, want %.100s", tc.name, chunked, got.status, got.body, want)
			}
		}
	}
	var sec securityAnswer
	h.get("admin", "/api/hardening/security").json(t, &sec)
	if got := sec.CrossDoor; got.Requests < 12 || got.Cut < 6 || !strings.Contains(string(got.Mode), "enforce") {
		t.Errorf("window: got %+v, want it to have read all 12 and cut most", got)
	}
}
