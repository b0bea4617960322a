package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/gateway/journal"
)

// everywhere is a desk that sends by mail, to a webhook and to Slack.
func everywhere(t *testing.T) (Settings, *smtpServer, *sink, *sink) {
	t.Helper()
	mail, hook, chat := newSMTP(t, nil), newSink(t), newSink(t)
	s := Defaults()
	s.Email = EmailSettings{SMTP: mail.addr(), From: "gate@example.com", To: []string{"ops@example.com", "boss@example.com"}}
	s.Webhook.URLFile = secretFile(t, hook.URL)
	s.Slack.WebhookFile = secretFile(t, chat.URL)
	return s, mail, hook, chat
}

func TestOutageOfThreeChecksIsOneOpenAndOneResolvedOnEveryChannel(t *testing.T) {
	s, mail, hook, chat := everywhere(t)
	d := New(s, Options{Source: "shop.example.com"})
	stop := running(t, d)
	down := Fault{Cause: "PUBLIC_URL", Severity: journal.Critical, Summary: "status 530 <@channel>"}
	for _, ok := range []bool{true, true, false, false, false, true, true, true} {
		d.Check(down, ok)
	}
	eventually(t, "two mails", func() bool { return len(mail.taken()) == 2 })
	eventually(t, "two notices", func() bool { n, _ := hook.count(); return n == 2 })
	eventually(t, "two chats", func() bool { n, _ := chat.count(); return n == 2 })
	stop()
	if got := hook.states(t); !slices.Equal(got, []string{"open PUBLIC_URL", "resolved PUBLIC_URL"}) {
		t.Errorf("webhook got %q, want open and resolved", got)
	}
	mails := mail.taken()
	if len(mails) != 2 || len(mails[0].to) != 2 || !strings.Contains(mails[0].body, "Subject: CRITICAL: PUBLIC_URL") || !strings.Contains(mails[1].body, "RESOLVED after") {
		t.Errorf("mails are %+v, want one of the opening and one of the end, to both receivers", mails)
	}
	if n, _ := chat.count(); n != 2 || strings.Contains(slackText(t, chat.bodies[0]), "<@channel>") {
		t.Errorf("Slack got %d messages, the first %s, want 2 without live markup", n, chat.bodies[0])
	}
}

func TestNewSettingsSendElsewhereAndForgetNothing(t *testing.T) {
	first, second := newSink(t), newSink(t)
	s := Defaults()
	s.Webhook.URLFile = secretFile(t, first.URL)
	d := New(s, Options{})
	stop := running(t, d)
	d.Open(fault("A"))
	eventually(t, "the first sink is told", func() bool { n, _ := first.count(); return n == 1 })
	s.Webhook.URLFile = secretFile(t, second.URL)
	d.Apply(s)
	d.Close("A", "")
	eventually(t, "the second sink is told that it is over", func() bool { return slices.Equal(second.states(t), []string{"resolved A"}) })
	first.setDown(true)
	s.Webhook.URLFile = secretFile(t, first.URL)
	d.Apply(s)
	d.Open(fault("B"))
	eventually(t, "the first sink was asked in vain", func() bool { _, asked := first.count(); return asked > 1 })
	s.Webhook.URLFile, s.Slack.WebhookFile = "", secretFile(t, second.URL)
	d.Apply(s)
	if got := d.Snapshot(); len(got.Open) != 1 || len(got.Channels) != 1 || got.Channels[0].Name != "slack" {
		t.Errorf("after the change: %+v, want B open and Slack alone", got)
	}
	stop()
	if n, _ := first.count(); n != 1 {
		t.Errorf("the sink that is gone took %d messages, want the 1 of before", n)
	}
}

func TestSixTransitionsAreOneFlappingAtTheSinks(t *testing.T) {
	s, mail, hook, _ := everywhere(t)
	d := New(s, Options{})
	stop := running(t, d)
	for range 3 {
		d.Open(fault("TLS"))
		d.Close("TLS", "")
	}
	eventually(t, "four notices", func() bool { n, _ := hook.count(); return n == 4 && len(mail.taken()) == 4 })
	stop()
	flaps := 0
	for _, st := range hook.states(t) {
		if st == "flapping TLS" {
			flaps++
		}
	}
	if flaps != 1 {
		t.Errorf("webhook got %q, want exactly one flapping", hook.states(t))
	}
}

func TestNothingIsLostWhileTheSinkIsDown(t *testing.T) {
	hook := newSink(t)
	hook.setDown(true)
	s := Defaults()
	s.Webhook.URLFile = secretFile(t, hook.URL)
	s.Queue = filepath.Join(t.TempDir(), "queue.json")
	d := New(s, Options{})
	stop := running(t, d)
	for i := range 5 {
		d.Open(fault(fmt.Sprintf("C%d", i)))
	}
	eventually(t, "an attempt", func() bool { _, asked := hook.count(); return asked > 0 })
	if got := d.Snapshot(); got.Waiting != 5 || got.Channels[0].Failed == 0 || !strings.Contains(got.Channels[0].LastError, "503") {
		t.Errorf("snapshot is %+v, want 5 waiting and a failure that names the status", got)
	}
	stop()
	info, err := os.Stat(s.Queue)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("queue file is %v (%v), want mode 0600", info, err)
	}
	hook.setDown(false) // and another gateway takes over
	d = New(s, Options{})
	stop = running(t, d)
	eventually(t, "five notices", func() bool { n, _ := hook.count(); return n == 5 })
	stop()
	if got := hook.states(t); !slices.Equal(got, []string{"open C0", "open C1", "open C2", "open C3", "open C4"}) {
		t.Errorf("webhook got %q, want all five in order", got)
	}
	d = New(s, Options{})
	running(t, d)()
	if n, _ := hook.count(); n != 5 {
		t.Errorf("%d notices after another restart, want still 5", n)
	}
}

// fallible is a sender that fails until a moment and keeps what it takes.
type fallible struct {
	until time.Time
	mu    sync.Mutex
	got   []Event
}

func (f *fallible) Send(_ context.Context, e Event) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Now().Before(f.until) {
		return errDown
	}
	f.got = append(f.got, e)
	return nil
}

func TestSinkThatIsDownForAMinuteGetsEverythingInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fallible{until: time.Now().Add(time.Minute)}
		d := New(Defaults(), Options{Channels: []Channel{{"test", f}}})
		stop := running(t, d)
		d.Open(fault("A"))
		time.Sleep(30 * time.Second)
		d.Close("A", "")
		d.Open(fault("B"))
		time.Sleep(3 * time.Minute)
		stop()
		var got []string
		for _, e := range f.got {
			got = append(got, string(e.State)+" "+e.Cause)
		}
		if !slices.Equal(got, []string{"open A", "resolved A", "open B"}) {
			t.Errorf("got %q, want all three in order", got)
		}
	})
}

func TestOneChannelThatIsDownDoesNotHoldUpTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := &fallible{until: time.Now().Add(100 * time.Hour)}, &fallible{}
		d := New(Defaults(), Options{Channels: []Channel{{"bad", bad}, {"good", good}}})
		stop := running(t, d)
		d.Open(fault("A"))
		time.Sleep(time.Second)
		synctest.Wait()
		if len(good.got) != 1 {
			t.Errorf("the good channel got %d, want 1", len(good.got))
		}
		stop()
	})
}

func TestRemindersComeByThemselves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fallible{}
		d := New(Defaults(), Options{Channels: []Channel{{"test", f}}})
		stop := running(t, d)
		d.Open(fault("A"))
		time.Sleep(25 * time.Hour)
		d.Close("A", "")
		time.Sleep(time.Minute)
		stop()
		if len(f.got) != 5 {
			t.Errorf("%d messages, want opening, three reminders and the end", len(f.got))
		}
	})
}

func TestLastAlertGoesOutWhenRunEnds(t *testing.T) {
	f := &fallible{}
	d := New(Defaults(), Options{Channels: []Channel{{"test", f}}})
	ctx, cancel := context.WithCancel(context.Background())
	d.Open(fault("SHUTDOWN"))
	cancel()
	if err := d.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if len(f.got) != 1 {
		t.Errorf("%d messages, want the last one", len(f.got))
	}
}

func TestIncidentSurvivesARestartWithoutBeingToldAgain(t *testing.T) {
	s := Defaults()
	s.Queue = filepath.Join(t.TempDir(), "queue.json")
	synctest.Test(t, func(t *testing.T) {
		f := &fallible{}
		opt := Options{Channels: []Channel{{"test", f}}}
		d := New(s, opt)
		stop := running(t, d)
		d.Open(fault("A"))
		d.Open(fault("B"))
		synctest.Wait()
		stop()
		d = New(s, opt)
		stop = running(t, d)
		synctest.Wait()
		d.Open(fault("A")) // B is not seen again
		time.Sleep(11 * time.Minute)
		d.Close("A", "")
		synctest.Wait()
		stop()
		var got []string
		for _, e := range f.got {
			got = append(got, string(e.State)+" "+e.Cause)
		}
		if !slices.Equal(got, []string{"open A", "open B", "resolved B", "resolved A"}) {
			t.Errorf("got %q, want A told once, and B over", got)
		}
	})
}

func TestDamagedQueueIsMovedAside(t *testing.T) {
	name := filepath.Join(t.TempDir(), "queue.json")
	if err := os.WriteFile(name, []byte(`{"letters":[{`), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Defaults()
	s.Queue = name
	running(t, New(s, Options{}))()
	if _, err := os.Stat(name + ".damaged"); err != nil {
		t.Errorf("the damaged file is gone: %v", err)
	}
	if text, err := os.ReadFile(name); err != nil || !json.Valid(text) {
		t.Errorf("the new file is %q (%v), want JSON", text, err)
	}
}

func TestQueueIsBounded(t *testing.T) {
	var q queue
	for i := range maxQueued + 10 {
		q.add(Event{At: noon, Cause: fmt.Sprint(i)}, []string{"test"})
	}
	if len(q.letters) != maxQueued || q.dropped != 10 || q.first("test", noon).Event.Cause != "10" {
		t.Errorf("%d letters, %d dropped, want %d and the oldest 10 dropped", len(q.letters), q.dropped, maxQueued)
	}
	if q.first("test", noon.Add(tooOld+1)) != nil {
		t.Error("a letter two days old is still tried")
	}
}

func TestJournalEventsOpenAndEndIncidents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, events := &fallible{}, make(chan journal.Event, 10)
		d := New(Defaults(), Options{Channels: []Channel{{"test", f}}, Events: events})
		stop := running(t, d)
		for range 4 {
			events <- journal.Event{Kind: "query-blocked", Summary: "union select"}
		}
		synctest.Wait()
		if len(f.got) != 0 {
			t.Errorf("told after 4 blocked queries, want 5 within two minutes")
		}
		events <- journal.Event{Kind: "query-blocked", Summary: "union select"}
		events <- journal.Event{Kind: "breaker-open", Door: "database", Summary: "five failures"}
		time.Sleep(time.Minute)
		events <- journal.Event{Kind: "breaker-closed", Door: "http", Summary: "the app's, not the database's"}
		events <- journal.Event{Kind: "breaker-closed", Door: "database", Summary: "well again"}
		time.Sleep(11 * time.Minute)
		events <- journal.Event{Kind: "rate-limited", Summary: "a flood", Detail: map[string]string{"count": "150"}}
		events <- journal.Event{Kind: "tunnel-drift", Severity: journal.Critical, Summary: "elsewhere", Detail: map[string]string{"cause": "DRIFT", "state": "open"}}
		events <- journal.Event{Kind: "tunnel-drift", Severity: journal.Info, Summary: "right again", Detail: map[string]string{"cause": "DRIFT", "state": "resolved"}}
		stop() // what is queued when Run ends is told too
		want := []string{"open SQL_ATTACK", "open DATABASE_DOWN", "resolved DATABASE_DOWN", "resolved SQL_ATTACK", "open REQUEST_FLOOD", "open DRIFT", "resolved DRIFT"}
		if got := statesOf(f.got); !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func statesOf(all []Event) []string {
	var got []string
	for _, e := range all {
		got = append(got, string(e.State)+" "+e.Cause)
	}
	return got
}

// slackText is the text of a Slack message as Slack reads it.
func slackText(t *testing.T, body []byte) string {
	t.Helper()
	var m struct{ Text string }
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatal(err)
	}
	return m.Text
}

func TestTestReachesEveryChannelAndTellsWhichOnesFail(t *testing.T) {
	s, mail, hook, chat := everywhere(t)
	chat.setDown(true)
	d := New(s, Options{})
	got := d.Test(t.Context())
	if got["email"] != nil || got["webhook"] != nil || got["slack"] == nil {
		t.Errorf("results are %v, want only slack to fail", got)
	}
	if n, _ := hook.count(); n != 1 || len(mail.taken()) != 1 {
		t.Errorf("%d notices and %d mails, want one of each", n, len(mail.taken()))
	}
	for _, c := range d.Snapshot().Channels {
		if (c.Name == "slack") == !c.Tested.IsZero() {
			t.Errorf("channel %s was tested at %v", c.Name, c.Tested)
		}
	}
}

func TestHearIsCheapForWhatMeansNothing(t *testing.T) {
	d := New(Defaults(), Options{})
	e := journal.Event{Kind: "request", At: noon}
	if n := testing.AllocsPerRun(100, func() { d.Hear(e) }); n != 0 {
		t.Errorf("an event that means nothing allocates %v times, want 0", n)
	}
}
