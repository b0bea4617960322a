package preflight

import (
	"slices"
	"strings"
	"testing"

	"sallyport/config"
)

func TestChecklistTakesHalfAnHourAndNamesChecksThatThereAre(t *testing.T) {
	var doctor, smoke []string
	for _, c := range Doctor() {
		doctor = append(doctor, c.Name)
	}
	for _, c := range Smoke(Site{Config: config.Defaults()}) {
		smoke = append(smoke, c.Name)
	}
	minutes := 0
	var decided []string
	for _, s := range Checklist() {
		minutes += s.Minutes
		if asked := s.Ask != "" && s.Do != ""; asked == (len(s.Doctor)+len(s.Smoke) > 0) || s.Claim == "" || s.Why == "" {
			t.Errorf("%s: want it decided either by checks or by a person, and explained: %+v", s.Name, s)
		}
		for _, name := range s.Doctor {
			if !slices.Contains(doctor, name) {
				t.Errorf("%s asks for %s, which doctor has not", s.Name, name)
			}
		}
		for _, name := range s.Smoke {
			if name != "request-*" && !slices.Contains(smoke, name) {
				t.Errorf("%s asks for %s, which smoke has not", s.Name, name)
			}
		}
		if s.Outside != "" && !slices.Contains(doctor, s.Outside) {
			t.Errorf("%s is not looked at without %s, which doctor has not", s.Name, s.Outside)
		}
		decided = append(decided, s.Doctor...)
	}
	if minutes != 30 {
		t.Errorf("the steps take %d minutes, want 30", minutes)
	}
	for _, name := range doctor {
		if name != "alerts" && !slices.Contains(decided, name) { // a person decides whether alerts arrive
			t.Errorf("no step asks for doctor's %s", name)
		}
	}
}

func TestWorstCheckDecidesAStep(t *testing.T) {
	s := Step{Name: "x", Claim: "It is so.", Doctor: []string{"a", "b"}, Smoke: []string{"request-*"}}
	for _, c := range []struct {
		doctor, smoke []Result
		want          Status
		found         string
	}{
		{[]Result{{Check: "a", Status: OK}, {Check: "b", Status: Skip, Found: "none"}, {Check: "c", Status: Fail}}, nil, OK, "It is so."},
		{[]Result{{Check: "a", Status: Warn, Found: "hm"}}, nil, Warn, "a: hm"},
		{[]Result{{Check: "a", Status: Fail, Found: "no"}, {Check: "b", Status: Warn, Found: "hm"}}, nil, Fail, "a: no; b: hm"},
		{nil, []Result{{Check: "request-2", Status: Fail, Found: "404"}}, Fail, "request-2: 404"},
		{[]Result{{Check: "a", Status: Skip}, {Check: "b", Status: Skip}}, nil, Skip, "nothing to look at"},
		{nil, []Result{{Check: "request-id", Status: OK}}, Skip, "nothing to look at"}, // it is no request of the settings
	} {
		if got := s.Decide(c.doctor, c.smoke); got.Status != c.want || !strings.Contains(got.Found, c.found) || got.Check != "x" {
			t.Errorf("%v, %v: got %+v, want %s and %q", c.doctor, c.smoke, got, c.want, c.found)
		}
	}
	s.Outside = "b"
	inside := []Result{{Check: "a", Status: OK}, {Check: "b", Status: Skip, Found: "public_url is not set"}}
	if got := s.Decide(inside, nil); got.Status != Skip || got.Found != "looked at from this machine only: public_url is not set" {
		t.Errorf("without a look from outside: got %+v, want it skipped", got)
	}
	inside[0].Status = Fail
	if got := s.Decide(inside, nil); got.Status != Fail {
		t.Errorf("what fails inside: got %+v, want fail", got)
	}
	for answer, want := range map[string]Status{"": Fail, "y": OK, "Yes": OK, "no": Fail, "maybe": Fail} {
		if got := s.Answered(answer); got.Status != want {
			t.Errorf("answer %q: got %s, want %s", answer, got.Status, want)
		}
	}
}
