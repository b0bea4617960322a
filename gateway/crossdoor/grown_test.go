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

// TestListsThatGrewOutOfOneAreNoEvidence sorts by a position first and by names then: lists that honest visitors send are none wherever
// they stand, be the request read to its end or not.
func TestListsThatGrewOutOfOneAreNoEvidence(t *testing.T) {
	app := learnedFrom(t, "SELECT * FROM p WHERE shop = 1 ORDER BY 1 LIMIT 5", "SELECT 1 FROM p WHERE shop = 1")
	for input, sql := range map[string]string{
		"price, id":                  "SELECT * FROM p WHERE shop = 1 ORDER BY price, id LIMIT 5",
		"p.price":                    "SELECT * FROM p WHERE shop = 1 ORDER BY p.price LIMIT 5",
		"price desc nulls last":      "SELECT * FROM p WHERE shop = 1 ORDER BY price desc nulls last LIMIT 5",
		"name, p.price desc, id asc": "SELECT * FROM p WHERE shop = 1 ORDER BY name, p.price desc, id asc LIMIT 5",
		"see price, stock":           "SELECT price, stock FROM p WHERE shop = 1",
	} {
		if found := crossings(t, app, input, sql); len(found) > 0 && found[0].Weight > 0 {
			t.Errorf("%q: got %+v, want no weight", sql, found)
		}
		s := roomFor(3)
		w := New(s, Parts{Model: app})
		r := httptest.NewRequest("GET", "/?a=1+x&b=2+x&c=3+x&d=4+x&sort="+url.QueryEscape(input), nil)
		if found := readBy(t, w, r, sql); len(found) > 0 && found[0].Weight > 0 {
			t.Errorf("%q, not read to its end: got %+v, want no weight", sql, found)
		}
	}
}

// roomFor are the defaults with room for so many inputs.
func roomFor(values int) Settings {
	s := Defaults()
	s.Values = values
	return s
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

// TestHalfAnEscapeInOneLiteralSetsTheNextFree puts a backslash before the app's closing quote: the literal goes on to the next one, whose
// text is SQL then.
func TestHalfAnEscapeInOneLiteralSetsTheNextFree(t *testing.T) {
	app := learnedFrom(t, "SELECT * FROM p WHERE a = E'x' AND b = E'y'")
	for _, c := range []struct{ a, b, want string }{
		{`x\`, " OR b <> E'", "confirmed"},
		{`x\\`, "y", ""},
		{"x", "y or b", ""},
	} {
		w := newWindow(app)
		var found []screen.Finding
		while(t, w, map[string]string{"/?a=" + url.QueryEscape(c.a) + "&b=" + url.QueryEscape(c.b): "203.0.113.7"}, func() {
			s := screen.Read("SELECT * FROM p WHERE a = E'"+c.a+"' AND b = E'"+c.b+"'", screen.Options{})
			defer s.Release()
			found = accusing(w.Rule().Check(s))
		})
		got := ""
		if len(found) > 0 {
			got = found[0].Crossing.Verdict
		}
		if got != c.want {
			t.Errorf("%q and %q: got %q, want %q", c.a, c.b, got, c.want)
		}
	}
}

// TestOneValueCannotBeHiddenAmongManyThatTheStatementHolds sends, before the one that matters, as many pieces of the app's own statement as
// a request may have values: more than places are kept at a time and than may be read counterfactually.
func TestOneValueCannotBeHiddenAmongManyThatTheStatementHolds(t *testing.T) {
	const text = "SELECT id, name, price FROM fruit WHERE shop = 1 AND sold IS NOT NULL AND name = '"
	app := learnedFrom(t, text+"x' AND stock > 1")
	s := Defaults()
	s.Budget = time.Hour // what is asked here is not the time
	for _, attack := range []string{"x' or (price) > '5", "x'||(price)||'", "x' or 'a' < 'b' --"} {
		w := New(s, Parts{Model: app})
		var values []string
		for i := 0; len(values) < s.Values-1; i++ {
			at, size := i%(len(text)-20), 8+i/(len(text)-20)
			values = append(values, text[at:at+size])
		}
		keepValues(w, append(values, attack))
		stmt := screen.Read(text+attack+"' AND stock > 1", screen.Options{})
		found := accusing(w.check(stmt))
		stmt.Release()
		if len(found) != 1 || found[0].Weight != screen.Refuse || found[0].Crossing.Param != "p255" && found[0].Crossing.Verdict == "hard" {
			t.Errorf("%s: got %+v, want it found", attack, found)
		}
	}
}
