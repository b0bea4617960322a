package crossdoor

import (
	"context"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/gin-gonic/gin"

	"sallyport/dbguard/screen"
)

// TestBytesThatFillWhatGrewAreConfirmed looks at input that the app changed so that, taken out, it leaves no statement of the app's: what
// counts then is that it is all that stands where a known statement has one value.
func TestBytesThatFillWhatGrewAreConfirmed(t *testing.T) {
	app := learnedFrom(t, "SELECT * FROM p WHERE name = 'x' AND shop = 1", "SELECT * FROM p WHERE id = 1 AND shop = 1")
	for _, c := range []struct {
		name, input, sql, want string
	}{
		{"split by words and joined again", "x' or name is not null or name = '", "SELECT * FROM p WHERE name = 'x'  or  name  is  not  null  or  name  =  '' AND shop = 1", "confirmed"},
		{"what stands between two marks", "see {{x' or name > 'a}} there", "SELECT * FROM p WHERE name = 'x' or name > 'a' AND shop = 1", "confirmed"},
		{"a cell", "7;1-(id);9", "SELECT * FROM p WHERE id = 1-(id) AND shop = 1", "confirmed"},
		{"words of the app's own", "or name", "SELECT * FROM p WHERE name = 'x' or name > 'a' AND shop = 1", ""},
		{"a piece of what the app added", "price > 5", "SELECT * FROM p WHERE name = 'x' AND price > 5 AND shop = 1", "seen"},
		{"a sum of the app's own", "p.stock > 7 and so on", "SELECT * FROM p WHERE id = 1 OR p.stock > 8 AND shop = 1", "seen"},
		{"too short to tell", "a 1+2 b", "SELECT * FROM p WHERE id = 1+2 AND shop = 1", ""},
	} {
		found := crossings(t, app, c.input, c.sql)
		got := ""
		if len(found) > 0 {
			got = found[0].Crossing.Verdict
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

// TestRequestThatNobodyWaitsForStaysInFlight: who hangs up early is answered by nobody, but the app goes on.
func TestRequestThatNobodyWaitsForStaysInFlight(t *testing.T) {
	target := "/search?q=" + url.QueryEscape("x' OR '1'='1")
	for name, c := range map[string]struct {
		end    func(*gin.Context, context.CancelFunc)
		weighs bool
	}{
		"answered":            {func(c *gin.Context, _ context.CancelFunc) { c.Status(200) }, false},
		"the client left":     {func(_ *gin.Context, cancel context.CancelFunc) { cancel() }, true},
		"told as gone":        {func(c *gin.Context, _ context.CancelFunc) { c.Status(499) }, true},
		"the app is too late": {func(c *gin.Context, _ context.CancelFunc) { c.Status(504) }, true},
	} {
		now := time.Unix(1000, 0)
		w := New(Defaults(), Parts{Now: func() time.Time { return now }})
		engine := gin.New()
		ctx, cancel := context.WithCancel(t.Context())
		engine.Use(w.Stage())
		engine.NoRoute(func(g *gin.Context) { c.end(g, cancel) })
		engine.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", target, nil))
		s := screen.Read("SELECT 'x' OR '1'='1'", screen.Options{})
		found := accusing(w.check(s))
		if len(found) != 1 || (found[0].Weight >= screen.Refuse) != c.weighs {
			t.Errorf("%s: got %+v, want it to weigh %t", name, found, c.weighs)
		}
		now = now.Add(Defaults().Late)
		w.Origin() // a request would do
		if found := accusing(w.check(s)); len(found) != 0 || w.Snapshot().InFlight != 0 {
			t.Errorf("%s: after its time: got %+v and %d in flight, want nothing", name, found, w.Snapshot().InFlight)
		}
		s.Release()
		cancel()
	}
}
