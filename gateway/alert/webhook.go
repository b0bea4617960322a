package alert

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
)

// webhook posts events as JSON to any endpoint.
type webhook struct {
	set    WebhookSettings
	source string
	post   poster
}

// notice is the body of a webhook; schema tells its version.
type notice struct {
	Schema string `json:"schema"`
	Source string `json:"source"`
	Title  string `json:"title"`
	Event
}

// Send posts e. With a secret, X-Sallyport-Signature is "t=SECONDS,v1=HEX" of HMAC-SHA256 over "SECONDS.BODY".
func (w webhook) Send(ctx context.Context, e Event) error {
	address, err := secretIn(w.set.URLFile)
	if err != nil {
		return err
	}
	body, err := json.Marshal(notice{"sallyport.alert/1", w.source, e.title(), e})
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if w.set.SecretFile != "" {
		key, err := secretIn(w.set.SecretFile)
		if err != nil {
			return err
		}
		header.Set("X-Sallyport-Signature", signature(key, strconv.FormatInt(e.At.Unix(), 10), body))
	}
	return w.post(ctx, address, header, body)
}

func signature(key, seconds string, body []byte) string {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(seconds + "."))
	m.Write(body)
	return "t=" + seconds + ",v1=" + hex.EncodeToString(m.Sum(nil))
}
