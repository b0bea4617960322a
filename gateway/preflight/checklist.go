package preflight

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Step is one step of the half hour before a demo: checks of ours look at it, or a person is asked.
type Step struct {
	// Name is short and stable. Minutes are what it takes, with mending nothing.
	Name    string
	Minutes int
	// Claim is what must be so, Why what happened to those who did not look.
	Claim, Why string
	// Doctor and Smoke are the checks that decide, by name; "request-*" stands for every request of the settings. None means that Ask decides.
	Doctor, Smoke []string
	// Outside is the check of doctor without which the claim was looked at from this machine only: where it is skipped, so is the step. "" for none.
	Outside string
	// Do is what the person does, Ask what is asked then; both "" where checks decide.
	Do, Ask string
}

// Checklist are the steps in order; together they take half an hour.
func Checklist() []Step {
	return []Step{
		{Name: "settings", Minutes: 1, Claim: "The settings are whole, their secrets readable for the service alone.", Why: "A setting that was changed and not applied shows at the next restart, which is during the demo.",
			Doctor: []string{"secrets", "secret-permissions", "settings-frozen", "environment"}},
		{Name: "machine", Minutes: 1, Claim: "Clock, disk and open files are in order.", Why: "A full disk ends the database, a wrong clock ends TLS.", Doctor: []string{"clock", "disk", "open-files"}},
		{Name: "ports", Minutes: 1, Claim: "Each port is held by one process, and by the right one.", Why: "localhost was ::1 for the tests and 127.0.0.1 for the tunnel: two builds answered, and the tests saw the good one.",
			Doctor: []string{"localhost", "split-port", "wrong-owner", "pid-files", "written-ports"}},
		{Name: "app", Minutes: 1, Claim: "The app answers, and the gateway is healthy.", Why: "Everything else needs it.", Doctor: []string{"app", "instance", "history"}},
		{Name: "database", Minutes: 1, Claim: "The app reaches the database through the door only.", Why: "An app that goes past the door is not screened, and nobody sees it.", Doctor: []string{"database", "database-door", "database-bypass", "learning"}},
		{Name: "replicas", Minutes: 1, Claim: "Replicas hear each other, and both doors of a request meet in one.", Why: "A request and its statement in two processes cannot be compared.", Doctor: []string{"replicas", "doors-meet"}},
		{Name: "tunnel", Minutes: 1, Claim: "The public name leads to this process.", Why: "The tunnel's process and its /ready were fine, and visitors got somebody else's answer.", Doctor: []string{"tunnel-rule", "public-url"}, Smoke: []string{"door", "probe"}, Outside: "public-url"},
		{Name: "hidden", Minutes: 1, Claim: "The page and the API cannot be reached from the internet.", Why: "They tell about the inside.", Doctor: []string{"admin-private"}, Smoke: []string{"admin-hidden"}, Outside: "admin-private"},
		{Name: "hardening", Minutes: 1, Claim: "Headers, limits and error pages are what the settings say, seen from outside.", Why: "A proxy in between may take them away.",
			Smoke: []string{"security-headers", "request-id", "rate-limit", "body-limit", "foreign-origin", "error-page"}, Outside: "public-url"},
		{Name: "requests", Minutes: 1, Claim: "The requests that the demo needs answer as they must.", Why: "A front page that loads says nothing of the page behind the login.", Smoke: []string{"request-*"}},
		{Name: "alerts", Minutes: 3, Claim: "Whoever is on duty hears of trouble.", Why: "An alert that nobody gets is no alert.", Do: "Run: sallyport alerts test", Ask: "Did the message arrive on the phone of whoever is on duty?"},
		{Name: "walk", Minutes: 5, Claim: "The demo works from where the audience sits.", Why: "The office network, its cache and a session from yesterday hide what visitors get.",
			Do: "Open the public URL on a phone with mobile data, in a private window, and walk the demo from login to end.", Ask: "Did every step of the demo work from outside?"},
		{Name: "attack", Minutes: 3, Claim: "An attack is refused, told and shown.", Why: "Screening that was left on observe refuses nothing.",
			Do:  `With the app's DATABASE_URL run: psql "$DATABASE_URL" -c "select 1 where 'a'='b' or 1=1 union select usesysid::int from pg_user--" and look at the page's Attacks.`,
			Ask: "Was it refused by screening, and does the page show it?"},
		{Name: "restart", Minutes: 4, Claim: "Everything comes back by itself.", Why: "The machine restarts when nobody is there: for an update, for a power cut.",
			Do: "Restart the service (sallyport service stop, then start; docker compose restart) and, where it may, the machine.", Ask: "Did the demo's pages answer again within a minute, with nobody's help?"},
		{Name: "restore", Minutes: 2, Claim: "The tunnel's credentials can be restored on another machine.", Why: "Without them a new machine needs a new tunnel, and the public name needs its DNS.",
			Do: "Look for the newest backup and for the key that opens it, away from this machine.", Ask: "Do both exist, and has a restore been rehearsed?"},
		{Name: "freeze", Minutes: 1, Claim: "Nobody changes anything until the demo is over.", Why: "The best build is the one that was looked at.", Do: "Tell everybody who can deploy, migrate or push tunnel rules.", Ask: "Does everybody know, and have they agreed?"},
		{Name: "fallback", Minutes: 2, Claim: "There is something to show if all of this fails.", Why: "A projector with an error on it is remembered.", Do: "Open the recording, and join the second network.", Ask: "Are a recording and a second way into the internet at hand?"},
	}
}

// Decide is the result of a step that checks decide, from the results of doctor and smoke. The worst one decides; where all were skipped
// there is nothing to look at, which is well, and where nothing was seen from outside nothing is claimed.
func (s Step) Decide(doctor, smoke []Result) Result {
	begun, worst := time.Duration(0), Result{Status: OK}
	var seen, skipped int
	for _, pair := range []struct {
		names   []string
		results []Result
	}{{s.Doctor, doctor}, {s.Smoke, smoke}} {
		for _, r := range pair.results {
			if !isAmong(pair.names, r.Check) {
				continue
			}
			seen++
			begun += time.Duration(r.Ms)
			switch {
			case r.Status == Skip:
				skipped++
				worst.Evidence = append(worst.Evidence, r.Check+": "+r.Found)
			case r.Status == Fail || r.Status == Warn:
				worst.Evidence = append(worst.Evidence, r.Check+": "+r.Found)
				if worst.Status != Fail {
					worst.Status, worst.Fix = r.Status, r.Fix
				}
			}
		}
	}
	worst.Check, worst.Ms, worst.Found = s.Name, int64(begun), s.Claim
	switch {
	case worst.Status != OK:
		worst.Found = strings.Join(worst.Evidence, "; ")
	case skipped == seen:
		worst.Status, worst.Found = Skip, "there is nothing to look at here"
	case s.Outside != "":
		for _, r := range doctor {
			if r.Check == s.Outside && r.Status == Skip {
				worst.Status, worst.Found = Skip, "looked at from this machine only: "+r.Found
			}
		}
	}
	return worst
}

// isAmong reports whether name is among names; "request-*" stands for the requests of the settings, which are numbered.
func isAmong(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool {
		begin, numbered := strings.CutSuffix(n, "*")
		if !numbered || !strings.HasPrefix(name, begin) {
			return n == name
		}
		_, err := strconv.Atoi(name[len(begin):])
		return err == nil
	})
}

// Answered is the result of a step that a person decides; an answer of "" means that nobody gave one.
func (s Step) Answered(answer string) Result {
	switch {
	case answer == "":
		return Result{Check: s.Name, Status: Fail, Found: "nobody answered: " + s.Ask, Fix: s.Do}
	case strings.HasPrefix(strings.ToLower(answer), "y"):
		return Result{Check: s.Name, Status: OK, Found: s.Claim + " A person says so."}
	}
	return Result{Check: s.Name, Status: Fail, Found: "a person says no: " + s.Ask, Fix: s.Do}
}
