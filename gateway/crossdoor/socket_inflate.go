package crossdoor

import (
	"bytes"
	"compress/flate"
	"io"
	"strings"
	"sync"
)

// maxDictionary is how far back a compressed message may refer, bytes.
const maxDictionary = 32 << 10

// inflater reads messages compressed by permessage-deflate (RFC 7692). It keeps the end of what it read only where the client may refer
// to it.
type inflater struct {
	known      bool // the extension was agreed on, and no other
	takeover   bool // messages refer to those before
	lost       bool // one that others may refer to was not read
	dictionary []byte
}

// deflateTail ends a message's last block and the stream, so that reading it ends with io.EOF (RFC 7692, 7.2.2).
var deflateTail = []byte{0, 0, 0xff, 0xff, 1, 0, 0, 0xff, 0xff}

var inflaters = sync.Pool{New: func() any { return flate.NewReader(bytes.NewReader(nil)) }}

// setUp reads what was agreed on.
func (i *inflater) setUp(extensions string) {
	name, params, _ := strings.Cut(extensions, ";")
	i.known = strings.EqualFold(strings.TrimSpace(name), "permessage-deflate") && !strings.Contains(params, ",")
	i.takeover = !strings.Contains(strings.ToLower(params), "client_no_context_takeover")
}

// message inflates packed, of which at most limit bytes are returned; cut tells that they are not all.
func (i *inflater) message(packed []byte, wasCut bool, limit int) (text []byte, cut bool) {
	if !i.known || wasCut || i.lost {
		i.lose()
		return nil, true
	}
	r := inflaters.Get().(io.ReadCloser)
	defer inflaters.Put(r)
	err := r.(flate.Resetter).Reset(io.MultiReader(bytes.NewReader(packed), bytes.NewReader(deflateTail)), i.dictionary)
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
	}
	if err != nil || len(text) > limit {
		i.lose()
		return text[:min(len(text), limit)], true
	}
	if i.takeover {
		i.remember(text)
	}
	return text, false
}

// lose notes that a message was not read to its end: what refers to it cannot be read either.
func (i *inflater) lose() {
	i.lost = i.takeover
	i.dictionary = nil
}

func (i *inflater) remember(text []byte) {
	i.dictionary = append(i.dictionary, text...)
	if over := len(i.dictionary) - maxDictionary; over > 0 {
		i.dictionary = append(i.dictionary[:0], i.dictionary[over:]...)
	}
}
