package alert

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
)

// slack sends to an incoming webhook.
type slack struct {
	file   string // holds the webhook's URL
	source string
	post   poster
}

// escaped replaces the three characters that Slack's own markup begins with, so that no event can ping or link.
var escaped = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// Send posts e as text.
func (s slack) Send(ctx context.Context, e Event) error {
	address, err := secretIn(s.file)
	if err != nil {
		return err
	}
	body, err := json.Marshal(map[string]any{"text": escaped.Replace(e.text(s.source)), "mrkdwn": false})
	if err != nil {
		return err
	}
	return s.post(ctx, address, http.Header{"Content-Type": {"application/json"}}, body)
}
