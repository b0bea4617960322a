package dashboard

import (
	"strings"
	"testing"
)

func TestEveryAssetHasAKindOfItsOwn(t *testing.T) {
	for name, f := range readFiles() {
		if f.kind == "" || strings.HasPrefix(f.kind, "text/") && !strings.HasSuffix(f.kind, "; charset=utf-8") {
			t.Errorf("%s: got content type %q, want one, with a charset where it is text", name, f.kind)
		}
	}
}
