package main

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"sallyport/dbguard"
	"sallyport/dbguard/screen"
	"sallyport/gateway/crossdoor"
)

// stand is a guard and a window joined as the gateway joins them, in the default policy, under a clock of its own.
type stand struct {
	guard  *dbguard.Guard
	window *crossdoor.Window
	clock  atomic.Int64 // nanoseconds since 1970
	asked  int

	explain bool             // outcomes say why
	refused *dbguard.Verdict // of the statement that was refused last
}

func newStand() (*stand, error) { return newStandOf(dbguard.Defaults()) }

// newCold is a stand whose app is new and stays so: the policy of the first hours holds for all that is played.
func newCold() (*stand, error) {
	set := dbguard.Defaults()
	set.Learning = dbguard.LearningSettings{Time: math.MaxInt64, Requests: math.MaxInt32}
	return newStandOf(set)
}

func newStandOf(set dbguard.Settings) (*stand, error) {
	s := &stand{}
	s.clock.Store(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).UnixNano())
	now := func() time.Time { return time.Unix(0, s.clock.Load()) }
	s.window = crossdoor.New(crossdoor.Defaults(), crossdoor.Parts{Now: now})
	guard, err := dbguard.New(dbguard.Parts{
		Settings: set, Cross: []screen.Rule{s.window.Rule()}, Origin: s.window.Origin, Now: now, Key: screen.Key{1},
		Observers: []dbguard.Observer{func(r dbguard.Report) { s.refused = r.Verdict }},
	})
	s.guard = guard
	s.window.Consult(guard)
	return s, err
}

// outcome is what became of one statement.
type outcome struct {
	found, refused bool
	why            string // what was found of a request, or the rules that refused; for people
}

// request is a request with these values in its query.
func (s *stand) request(values []string) (end func()) {
	query := make([]byte, 0, 256)
	for i, v := range values {
		query = fmt.Appendf(query, "&p%d=%s", i, url.QueryEscape(v))
	}
	s.asked++
	r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/search", RawQuery: string(query)}, Header: http.Header{}, Body: http.NoBody}
	return s.window.Follow(r, strconv.Itoa(s.asked), "203.0.113.7")
}

// during judges sql while a request with these values is in flight. Requests that ended before are forgotten.
func (s *stand) during(values []string, sql string) outcome {
	s.clock.Add(int64(3 * time.Second))
	end := s.request(values)
	defer end()
	return s.judge(sql)
}

// judge asks the guard, as the database door does.
func (s *stand) judge(sql string) outcome {
	v, err := s.guard.Judge(dbguard.Query{SQL: sql})
	if err != nil {
		v = s.refused
	}
	o := outcome{found: err != nil || len(v.Findings) > 0, refused: err != nil}
	if s.explain {
		o.why = explained(v.Findings, sql)
	}
	return o
}

// explained says what was found and where.
func explained(findings []screen.Finding, sql string) (why string) {
	for _, f := range findings {
		why += fmt.Sprintf("%s+%d ", f.Rule, f.Weight)
		if f.Crossing != nil {
			why += f.Crossing.Verdict + " "
		}
		why += fmt.Sprintf("%.80q ", sql[f.Offset:f.End])
	}
	return why
}

// teach lets the app send its own statements, each in two requests.
func (s *stand) teach(rows []row) {
	for range 2 {
		for _, r := range rows {
			s.during(r.inputs(), r.SQL)
		}
	}
}

// newWarm is a stand whose app has sent the statements that harmless values make.
func newWarm(pairs []row) (*stand, error) {
	s, err := newStand()
	if err == nil {
		s.teach(keep(pairs, row.isHarmless))
	}
	return s, err
}
