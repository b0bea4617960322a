package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"sallyport/gateway/preflight"
)

func TestChecklistPageIsWhatTheProgramSays(t *testing.T) {
	generated(t, "../../deploy/CHECKLIST.md", checklistPage())
	if got := call(t, nil, "checklist", "--page"); got.code != codeGood || got.out != checklistPage() {
		t.Errorf("--page: got %+v", got)
	}
}

func TestChecklistAsksPeopleWhatChecksCannotSee(t *testing.T) {
	inRoom(t, map[string]string{"s.yaml": "admin: {listen: " + free(t) + "}\nhttp: {listen: " + free(t) + "}\n"})
	var out, errOut bytes.Buffer
	p := newProgram(&out, &errOut)
	p.environ, p.in = nil, strings.NewReader("y\nno\ny\n")
	if code := p.run(t.Context(), []string{"checklist", "--json", "--config", "s.yaml", "--confirm", "freeze"}); code != codeFailed {
		t.Errorf("got exit %d, want 1: steps are open", code)
	}
	var answer struct {
		Schema  string
		Results []preflight.Result
	}
	if err := json.Unmarshal(out.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	got := map[string]preflight.Status{}
	for _, r := range answer.Results {
		got[r.Check] = r.Status
	}
	for step, want := range map[string]preflight.Status{"alerts": preflight.OK, "walk": preflight.Fail, "attack": preflight.OK, "restart": preflight.Fail, "freeze": preflight.OK, "hardening": preflight.Skip} {
		if got[step] != want {
			t.Errorf("%s: got %q, want %s", step, got[step], want)
		}
	}
	if len(answer.Results) != len(preflight.Checklist()) || !strings.Contains(errOut.String(), "phone of whoever is on duty? [y/n]") {
		t.Errorf("%d results of %d steps; asked:\n%s", len(answer.Results), len(preflight.Checklist()), errOut.String())
	}
	if bad := call(t, nil, "checklist", "--confirm", "ports"); bad.code != codeUsage || !strings.Contains(bad.err, "no step of that name is asked of a person") {
		t.Errorf("vouching for what a check decides: got %+v", bad)
	}
}
