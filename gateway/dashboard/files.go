package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// file is one asset, ready to be sent.
type file struct {
	body   []byte
	packed []byte // body in gzip; nil where that is no shorter
	kind   string
	tag    string // ETag: a hash of the body
}

// readFiles reads the embedded files by their URL path.
func readFiles() map[string]file {
	files := map[string]file{}
	err := fs.WalkDir(assets, "assets", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		body, err := fs.ReadFile(assets, name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		files["/"+name] = file{body: body, packed: pack(body), kind: kindOf(name), tag: `"` + hex.EncodeToString(sum[:8]) + `"`}
		return nil
	})
	if err != nil {
		panic("dashboard: embedded files: " + err.Error()) // cannot happen: they are part of the binary
	}
	files["/"] = files["/assets/index.html"]
	return files
}

// pack compresses body, or returns nil where that does not pay: fonts are compressed already.
func pack(body []byte) []byte {
	var out bytes.Buffer
	z, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := z.Write(body); err != nil || z.Close() != nil || out.Len() > len(body)*9/10 {
		return nil
	}
	return out.Bytes()
}

// kindOf returns the content type of an asset. The system's own table is not asked: it differs from machine to machine.
func kindOf(name string) string {
	return map[string]string{
		".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".svg": "image/svg+xml", ".woff2": "font/woff2", ".txt": "text/plain; charset=utf-8",
	}[path.Ext(name)]
}

// serveFile sends an asset, or 304 where the browser has it.
func (p *Page) serveFile(w http.ResponseWriter, r *http.Request) {
	f, ok := p.files()[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("ETag", f.tag)
	w.Header().Set("Cache-Control", "no-cache")
	if strings.Contains(r.Header.Get("If-None-Match"), f.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Vary", "Accept-Encoding")
	body := f.body
	if f.packed != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		body = f.packed
		w.Header().Set("Content-Encoding", "gzip")
	}
	_, _ = w.Write(body) // a reader that went away needs no answer
}
