package crossdoor

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"mime"
	"net/http"
	"strings"
)

// scanner reads a body piece by piece and keeps its inputs. finish is called once, after the last piece.
type scanner interface {
	feed(p []byte)
	finish()
}

// tee passes a body on byte for byte and shows each piece to a scanner before the reader gets it, so that the inputs are known
// before the app can use them.
type tee struct {
	io.ReadCloser
	scan  scanner
	entry *entry
	left  int64 // bytes to come, -1 where the length is unknown
	done  bool
}

// Read implements io.Reader.
func (t *tee) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if t.done {
		return n, err
	}
	if n > 0 && !t.entry.full() {
		t.scan.feed(p[:n])
	}
	if t.left > 0 {
		t.left -= int64(n)
	}
	if err != nil || t.left == 0 {
		t.done = true
		t.scan.finish()
	}
	return n, err
}

// watch puts a tee before the body of r, chosen by its type and coding.
func watch(r *http.Request, e *entry) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return
	}
	left := r.ContentLength
	if left < 0 {
		left = -1
	}
	var s scanner = scannerFor(r.Header.Get("Content-Type"), e)
	switch coding := strings.ToLower(strings.TrimSpace(r.Header.Get("Content-Encoding"))); coding {
	case "", "identity":
	case "gzip", "x-gzip", "deflate":
		s = &inflating{coding: coding, then: s, entry: e}
		e.unpacks(true)
	default: // a coding that is not read here: whatever it holds was not seen
		e.markLost()
		return
	}
	r.Body = &tee{ReadCloser: r.Body, scan: s, entry: e, left: left}
}

// scannerFor chooses by media type; an unknown or missing type is told by the body's first byte.
func scannerFor(contentType string, e *entry) scanner {
	media, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		media = strings.ToLower(strings.TrimSpace(strings.SplitN(contentType, ";", 2)[0]))
	}
	switch {
	case media == "application/x-www-form-urlencoded":
		return newForm(e)
	case media == "multipart/form-data" && params["boundary"] != "":
		return newParts(params["boundary"], e)
	case strings.HasSuffix(media, "json") || media == "application/graphql" || media == "application/x-ndjson":
		return &sniffing{entry: e, json: true}
	case strings.HasSuffix(media, "xml") || media == "text/html":
		return newMarkup(e)
	}
	return &sniffing{entry: e}
}

func newJSON(e *entry) scanner {
	return &jsonScanner{max: int(e.limits.ValueMax), emit: func(key, text string, more int) {
		if key != "(key)" || !isWord(text) || more > 0 {
			e.piece(fromJSON, key, text, more)
		}
	}}
}

// partsBody is a multipartScanner whose repeated names are joined at the end.
type partsBody struct {
	*multipartScanner
	joins joins
	entry *entry
}

func newParts(boundary string, e *entry) scanner {
	b := &partsBody{entry: e}
	b.multipartScanner = newMultipart(boundary, int(e.limits.ValueMax), func(name, text string, more int) {
		e.piece(fromMultipart, name, text, more)
		if len(text) < maxJoinedBytes {
			b.joins.add(name, text)
		}
	})
	return b
}

func (b *partsBody) finish() {
	b.multipartScanner.finish()
	b.joins.keep(b.entry, fromMultipart)
}

func newMarkup(e *entry) scanner {
	return &markupScanner{max: int(e.limits.ValueMax), emit: func(text string, more int) { e.piece(fromBody, "", text, more) }}
}

// formBody is a formScanner whose repeated names are joined at the end.
type formBody struct {
	formScanner
	pairs pairs
}

func newForm(e *entry) scanner {
	f := &formBody{pairs: pairs{entry: e, from: fromForm}}
	f.emit, f.max = f.pairs.add, int(e.limits.ValueMax)
	return f
}

func (f *formBody) finish() {
	f.formScanner.finish()
	f.pairs.join()
}

// sniffing chooses a scanner by the first byte that is no blank, and keeps the whole text as one input too. What is neither JSON
// nor markup is read as a form at its end, and line by line, as far as it was kept; of a binary text the strings are.
type sniffing struct {
	entry  *entry
	head   []byte
	more   int // bytes that follow head, as squeeze counts them
	then   scanner
	chosen bool
	json   bool // JSON is what the type says: where it is JSON, the text as a whole is none of the inputs
}

func (s *sniffing) feed(p []byte) {
	if !s.chosen {
		p = bytes.TrimLeft(p, " \t\r\n\xef\xbb\xbf")
		if len(p) == 0 {
			return
		}
		s.then, s.chosen = s.choose(p[0]), true
		_, isJSON := s.then.(*jsonScanner)
		s.json = s.json && isJSON
	}
	if s.json {
		s.then.feed(p)
		return
	}
	room := min(int(s.entry.limits.ValueMax)-len(s.head), len(p))
	s.head = append(s.head, p[:room]...)
	s.more += squeezedLen(p[room:])
	if s.then != nil {
		s.then.feed(p)
	}
}

func (s *sniffing) choose(first byte) scanner {
	switch {
	case first == '{', first == '[', first == '"', s.json && (first == 0 || first >= 0xFE): // the last begin UTF-16 and UTF-32
		return newJSON(s.entry)
	case first == '<':
		return newMarkup(s.entry)
	}
	return nil
}

func (s *sniffing) finish() {
	if s.json {
		if s.then != nil {
			s.then.finish()
		}
		return
	}
	if bytes.IndexByte(s.head, 0) >= 0 {
		s.more = 0 // a file or the like
	}
	if s.then == nil && bytes.IndexByte(s.head, '=') >= 0 {
		s.then = newForm(s.entry)
		s.then.feed(s.head)
		if s.more > 0 { // further pairs may follow
			s.entry.markLost()
		}
	}
	if s.then != nil {
		s.then.finish()
	}
	if bytes.IndexByte(s.head, 0) >= 0 {
		eachRun(s.head, func(run string) { s.entry.input(fromBody, "", run) })
		return
	}
	s.entry.piece(fromBody, "", string(s.head), s.more)
	if s.then == nil && bytes.IndexByte(s.head, '\n') >= 0 {
		for line := range bytes.Lines(s.head) {
			s.entry.input(fromBody, "", string(line))
		}
	}
}

// inflating keeps a compressed body up to the request's bound and reads it, inflated within the same bound, at its end.
type inflating struct {
	coding string
	then   scanner
	entry  *entry
	packed []byte
}

func (i *inflating) feed(p []byte) {
	if room := int(i.entry.limits.RequestMax) - len(i.packed); room < len(p) {
		i.entry.markLost()
		p = p[:max(room, 0)]
	}
	i.packed = append(i.packed, p...)
}

func (i *inflating) finish() {
	defer i.entry.unpacks(false)
	defer i.then.finish()
	plain, err := i.unpack()
	if err != nil {
		i.entry.markLost()
		return
	}
	text, err := io.ReadAll(io.LimitReader(plain, 4*i.entry.limits.RequestMax))
	if err != nil || int64(len(text)) == 4*i.entry.limits.RequestMax {
		i.entry.markLost()
	}
	i.then.feed(text)
}

// unpack reads gzip, and deflate in both ways that are sent: in zlib's frame, as RFC 9110 has it, and without.
func (i *inflating) unpack() (io.Reader, error) {
	if i.coding != "deflate" {
		return gzip.NewReader(bytes.NewReader(i.packed))
	}
	if framed, err := zlib.NewReader(bytes.NewReader(i.packed)); err == nil {
		return framed, nil
	}
	return flate.NewReader(bytes.NewReader(i.packed)), nil
}
