package wire

import (
	"context"
	"strings"
	"testing"
	"time"
)

// probes are seven ways in which one client's session could show in another's.
var stateProbes = []struct{ name, leave, look, clean string }{
	{"search_path", "set search_path = pg_catalog", "show search_path", `"$user", public`},
	{"set_config", "select set_config('application_name','leaked',false)", "select coalesce(nullif(current_setting('application_name'),''),'none')", "none"},
	{"custom setting", "set app.tenant = '7'", "select coalesce(nullif(current_setting('app.tenant',true),''),'none')", "none"},
	{"temporary table", "create temp table leaked(a int)", "select count(*) from pg_class where relname='leaked' and relnamespace=pg_my_temp_schema()", "0"},
	{"advisory lock", "select pg_advisory_lock(77)", "select count(*) from pg_locks where locktype='advisory' and pid=pg_backend_pid()", "0"},
	{"LISTEN", "listen leaked", "select count(*) from pg_listening_channels()", "0"},
	{"PREPARE", "prepare leaked as select 1", "select count(*) from pg_prepared_statements where from_sql", "0"},
	{"role", "set role pg_monitor", "select current_user", "postgres"},
	{"WITH HOLD", "begin; declare leaked cursor with hold for select 1; commit", "select count(*) from pg_cursors where is_holdable", "0"},
	{"transaction default", "set session characteristics as transaction read only", "show default_transaction_read_only", "off"},
	{"DO block", "do $$ begin perform set_config('app.tenant','8',false); end $$", "select coalesce(nullif(current_setting('app.tenant',true),''),'none')", "none"},
}

func TestNothingOfASessionReachesAnother(t *testing.T) {
	for _, p := range stateProbes {
		t.Run(p.name, func(t *testing.T) {
			d := open(t, func(s *setup) { s.settings.Pool.Max, s.settings.Pool.Pins = 2, 1 })
			a := d.connect(t, "")
			all := make([]string, 0, 8)
			ask(t, a, p.leave)
			for range 4 {
				b := d.connect(t, "")
				all = append(all, ask(t, b, p.look))
				_ = b.Close(t.Context())
			}
			if got := ask(t, a, p.look); got == p.clean {
				t.Errorf("the session itself lost its state: %s answers %q", p.look, got)
			}
			_ = a.Close(t.Context())
			d.untilFree(t)
			for range 4 {
				b := d.connect(t, "")
				all = append(all, ask(t, b, p.look))
			}
			for i, got := range all {
				if got != p.clean {
					t.Errorf("client %d got %q, want %q", i, got, p.clean)
				}
			}
		})
	}
}

func TestSettingsFollowTheClient(t *testing.T) {
	d := open(t, onePool)
	a, b := d.connect(t, "application_name=a&search_path=pg_catalog"), d.connect(t, "application_name=b&options=-c%20work_mem%3D5MB%20-c%20app.x%3Dit's%5C%20me")
	for range 2 {
		wants(t, a, "show search_path", "pg_catalog")
		wants(t, b, "show work_mem", "5MB")
		wants(t, b, "show app.x", "it's me")
		wants(t, a, "select coalesce(nullif(current_setting('app.x',true),''),'none')", "none")
		wants(t, a, "show application_name", "a")
		wants(t, b, "show application_name", "b")
	}
	ask(t, a, "set datestyle to 'sql, dmy'")
	if got := a.ParameterStatus("DateStyle"); got != "SQL, DMY" {
		t.Errorf("a was told DateStyle %q, want SQL, DMY", got)
	}
	wants(t, b, "show datestyle", "ISO, MDY")
	wants(t, a, "show datestyle", "SQL, DMY")
	ask(t, a, "begin; set datestyle to 'german'; rollback")
	wants(t, b, "select 1", "1")
	wants(t, a, "show datestyle", "SQL, DMY")
	ask(t, a, "begin; set local datestyle to 'german'; commit")
	wants(t, a, "show datestyle", "SQL, DMY")
	ask(t, a, "discard all")
	wants(t, b, "select 1", "1")
	wants(t, a, "show datestyle", "ISO, MDY")
	wants(t, a, "show search_path", "pg_catalog")
	ask(t, b, "reset all")
	wants(t, a, "select 1", "1")
	wants(t, b, "show work_mem", "5MB")
}

func TestBadStartupSettingsAreRefusedAsPostgreSQLDoes(t *testing.T) {
	d := open(t, nil)
	for more, code := range map[string]string{
		"search_path=ok&work_mem=nonsense": "22023", "options=-c%20nothing%3D1": "42704", "options=-z": "42601",
		"client_encoding=sjis": "0A000", "replication=database": "0A000",
	} {
		_, err := tryConnect(d.url(more))
		if codeOf(err) != code {
			t.Errorf("%s: got %v, want %s", more, err, code)
		}
	}
	c := d.connect(t, "")
	for _, sql := range []string{"set client_encoding = 'SJIS'", "set names 'big5'", "select set_config('client_encoding','gb18030',false)"} {
		fails(t, c, sql, "0A000")
	}
}

func TestPinsAreVisibleLimitedAndEnd(t *testing.T) {
	d := open(t, func(s *setup) { s.settings.Pool.Max, s.settings.Pool.Pins = 3, 1 })
	a, b := d.connect(t, ""), d.connect(t, "")
	ask(t, a, "listen news")
	if got := d.Snapshot().Clients[0].Pinned; got != "LISTEN" {
		t.Errorf("a is pinned by %q, want LISTEN", got)
	}
	fails(t, b, "listen news", "53300")
	wants(t, b, "select 1", "1")
	ask(t, a, "unlisten *")
	free := func() bool { return d.Snapshot().Pool.Pinned == 0 }
	until(t, "UNLISTEN to end the pin", free)
	ask(t, b, "listen news")
	ask(t, b, "discard all")
	until(t, "DISCARD ALL to end the pin", free)
	ask(t, a, "create temp table x(a int) on commit drop")
	ask(t, a, "begin; create temp table x(a int); rollback")
	ask(t, a, "select pg_advisory_lock(1); select pg_advisory_unlock(1)")
	until(t, "nothing to be pinned", func() bool { p := d.Snapshot().Pool; return p.Pinned == 0 && p.Active == 0 })
}

func TestListenHearsNotify(t *testing.T) {
	d := open(t, nil)
	a, b := d.pgx(t, ""), d.connect(t, "")
	if _, err := a.Exec(t.Context(), "listen news"); err != nil {
		t.Fatal(err)
	}
	ask(t, b, "notify news, 'hello'")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	n, err := a.WaitForNotification(ctx)
	if err != nil || n.Payload != "hello" {
		t.Errorf("got %+v %v, want hello", n, err)
	}
}

func TestMarks(t *testing.T) {
	for sql, want := range map[string]string{
		"select 1": "", "update t set a = 'set x = 1'": "", "select $$listen$$": "", "-- listen a\nselect 1": "", "/* listen /* a */ ; listen b */ select 1": "",
		"SET a.b TO 1": "a.b", "set local x = 1": "", "SET SESSION x = 1": "x", "set time zone 'UTC'": "timezone", "reset x": "x",
		"select set_config('A', 'b', false)": "a", "select set_config('A', f('x', true), false)": "a", "select set_config('A', 'b', true)": "", "select set_config($1,$2,$3)": "any",
		"listen a": "LISTEN", "unlisten a": "frees LISTEN", "create temp table x()": "temporary table", "select 1 into temporary x": "temporary table",
		"insert into pg_temp.x values (1)": "temporary table", "select temp from weather": "", "prepare x as select 1": "SQL PREPARE",
		"prepare transaction 'x'": "commit", "commit": "commit", "select pg_try_advisory_lock(1)": "session advisory lock",
		"select pg_advisory_xact_lock(1)": "", "declare x cursor with hold for select 1": "WITH HOLD cursor", "deallocate all": "frees SQL PREPARE",
		"select E'\\'; listen x'": "", "select 'a''; listen x'": "", "do $$ begin listen x; end $$": "LISTEN", "do 'begin perform set_config(''a'',''b'',false); end'": "a",
		"set client_encoding to 'sjis'": "encoding sjis", "discard all": "discard all",
	} {
		if got := describe(readMarks(sql, false)); got != want {
			t.Errorf("%s: got %q, want %q", sql, got, want)
		}
	}
	if got := describe(readMarks(`select '\'; listen x'`, true)); got != "" {
		t.Errorf("with standard_conforming_strings off: got %q, want nothing", got)
	}
}

// describe is the first thing that marks say.
func describe(m *marks) string {
	switch {
	case m == nil:
		return ""
	case m.encoding != "":
		return "encoding " + m.encoding
	case m.discardAll:
		return "discard all"
	case m.commit:
		return "commit"
	case m.pins != 0:
		return m.pins.String()
	case m.frees != 0:
		return "frees " + m.frees.String()
	case m.anySetting:
		return "any"
	}
	return strings.Join(m.settings, ",")
}
