package wire

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgproto3"
)

// Statements that random clients prepare, and such as they send in Query messages. What they answer depends on the client alone.
var (
	preparedTexts = []string{
		"selec", "select 1", "select 'b' as b, 2 as two", "select generate_series(1,3)", "select $1::text", "select $1::int + 1", "select 1/0", "",
		"begin", "commit", "rollback", "savepoint s", "rollback to s", "insert into pg_temp.mine values (7) returning a", "select nothing",
		"show search_path", "set search_path = pg_catalog", "set local work_mem = '3MB'", "show work_mem", "copy (select 8) to stdout",
		"deallocate a", "deallocate all", "discard plans", "values (1),(2)", "fetch 1 from c", "declare c cursor for select generate_series(1,4)",
		"select name from pg_prepared_statements where from_sql", "execute q", "prepare q as select 'p'", "create temp table mine (a int)", "select count(*) from mine",
		"set application_name = 'differs'", "select current_setting('application_name')",
	}
	queryTexts = append([]string{
		"select 1; select 2", "select 1; select 1/0; select 3", "begin; select 4", "commit; select 5", "begin; select 1/0", "rollback; begin; select 6",
		"prepare q as select 'sql q'; execute q", "deallocate q", "deallocate a; select 7", "deallocate b; deallocate a", "copy (values (1),(2)) to stdout; select 9", "create temp table mine (a int); insert into mine values (1),(2)",
		"drop table mine", "alter table mine add b text", "set search_path = pg_temp, pg_catalog; show search_path", "reset search_path", "discard all", "reset all", ";", "select 1;; select 2;",
		"do $$ begin perform 1; end $$", "do $$ begin raise notice 'n'; raise exception 'x' using errcode = 'P0077'; end $$", "declare h cursor with hold for select generate_series(1,4)", "fetch 2 from h", "close h",
		"set role pg_monitor", "select current_user", "reset role", "set datestyle = german", "select date '2026-03-04'", "start transaction read only", "set transaction isolation level serializable",
		"select pg_advisory_lock(1), pg_advisory_unlock(1)", "select set_config('my.x', 'y', true), current_setting('my.x', true)", "select set_config('my.x', 'z', false)", "select current_setting('my.x', true)",
		"vacuum pg_description", "select 1 \\gdesc", "listen l", "unlisten *", "copy mine from stdin", "copy mine from stdin; select 'behind'", "explain (costs off) select 1", "prepare transaction 'x'", "end and chain", "commit and chain", "abort",
	}, preparedTexts...)
)

// turns is what one random client sends: Query messages, and runs of others that end with a Sync.
func turns(r *rand.Rand) [][]pgproto3.FrontendMessage {
	pick := func(list []string) string { return list[r.IntN(len(list))] }
	names, portals := []string{"", "", "a", "b", "q"}, []string{"", "", "p"}
	bound := map[string]bool{} // in the turn at hand: PostgreSQL 15.18 itself crashes where a portal of a failed transaction is executed
	step := func() pgproto3.FrontendMessage {
		switch r.IntN(11) {
		case 0, 1, 2:
			// A text that a server took before is taken unseen where a name is given to it: each is new.
			return &pgproto3.Parse{Name: pick(names[:4]), Query: fmt.Sprintf("%s /* %d */", pick(preparedTexts[1:]), r.Uint64())}
		case 3, 4:
			m := &pgproto3.Bind{DestinationPortal: pick(portals), PreparedStatement: pick(names)}
			bound[m.DestinationPortal] = true
			if r.IntN(4) == 0 {
				m.Parameters = append(m.Parameters, []byte("5"))
			}
			return m
		case 5:
			return &pgproto3.Describe{ObjectType: 'S', Name: pick(names)}
		case 6:
			return &pgproto3.Describe{ObjectType: 'P', Name: pick(portals)}
		case 7, 8:
			if m := (&pgproto3.Execute{Portal: pick(portals), MaxRows: uint32(r.IntN(3))}); bound[m.Portal] {
				return m
			}
		case 9:
			return &pgproto3.Flush{}
		}
		return &pgproto3.Close{ObjectType: []byte("SP")[r.IntN(2)], Name: pick(names)}
	}
	var all [][]pgproto3.FrontendMessage
	for range 3 + r.IntN(25) {
		var turn []pgproto3.FrontendMessage
		switch r.IntN(4) {
		case 0, 1:
			turn = append(turn, &pgproto3.Query{String: pick(queryTexts)})
		case 2:
			clear(bound)
			for range r.IntN(6) {
				turn = append(turn, step())
			}
			turn = append(turn, sync_)
		default:
			for range 1 + r.IntN(3) {
				text, m := pick(preparedTexts), &pgproto3.Bind{}
				if strings.Contains(text, "$1") {
					m.Parameters = [][]byte{[]byte("6")}
				}
				turn = append(turn, &pgproto3.Parse{Query: text}, m, &pgproto3.Describe{ObjectType: 'P'}, &pgproto3.Execute{})
			}
			if r.IntN(8) == 0 {
				turn = append(turn, &pgproto3.Parse{Query: "copy mine from stdin"}, &pgproto3.Bind{}, &pgproto3.Execute{})
			}
			turn = append(turn, sync_)
		}
		all = append(all, turn)
	}
	return all
}

// plays has its turns with the server and returns all that it is told; COPY gets a row, which it may take or not.
func (r *raw) plays(turns [][]pgproto3.FrontendMessage) string {
	defer r.conn.Close()
	var b strings.Builder
	_ = r.conn.SetDeadline(time.Now().Add(20 * time.Second))
	for i, turn := range turns {
		r.sends(turn...)
		for ready := false; !ready; {
			m, err := r.Receive()
			if err != nil {
				return b.String() + "the end" // a server that lost its way ends the connection
			}
			b.WriteString(inFull(m))
			switch m.(type) {
			case *pgproto3.CopyInResponse:
				r.sends(&pgproto3.CopyData{Data: []byte("1\n")}, &pgproto3.Flush{}, []pgproto3.FrontendMessage{&pgproto3.CopyDone{}, &pgproto3.CopyFail{Message: "no"}}[i%2])
				if _, simple := turn[0].(*pgproto3.Query); !simple {
					r.sends(sync_)
				}
			case *pgproto3.ReadyForQuery:
				ready = true
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// sends is say, but for a connection that may have ended, which reading tells.
func (r *raw) sends(messages ...pgproto3.FrontendMessage) {
	for _, m := range messages {
		r.Send(m)
	}
	_ = r.Flush()
}

// inFull is a message with what it holds, "" where it may come at any time.
func inFull(m pgproto3.BackendMessage) string {
	switch m := m.(type) {
	case *pgproto3.DataRow:
		return fmt.Sprintf("D%q ", m.Values)
	case *pgproto3.ErrorResponse:
		return fmt.Sprintf("E:%s(%s) ", m.Code, m.Message)
	case *pgproto3.NoticeResponse:
		return "N:" + m.Code + " "
	case *pgproto3.ParameterDescription:
		return fmt.Sprintf("t%v ", m.ParameterOIDs)
	case *pgproto3.RowDescription:
		text := "T"
		for _, f := range m.Fields {
			text += fmt.Sprintf("%s:%d,", f.Name, f.DataTypeOID)
		}
		return text + " "
	}
	if word := kindOf(m); word != "" {
		return word + " "
	}
	return ""
}

// told is what a client sends, a line a turn, for people.
func told(turns [][]pgproto3.FrontendMessage) string {
	var b strings.Builder
	for _, turn := range turns {
		for _, m := range turn {
			fmt.Fprintf(&b, "%T%+v ", m, m)
		}
		b.WriteString("\n")
	}
	return strings.NewReplacer("*pgproto3.", "", "ParameterFormatCodes:[] ", "", "ResultFormatCodes:[]", "", "ParameterOIDs:[]", "").Replace(b.String())
}

func directRaw(t testing.TB) *raw {
	t.Helper()
	h, err := direct(t).Hijack()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Conn.Close() })
	return &raw{t: t, conn: h.Conn, Frontend: h.Frontend}
}

// alsoWrong reports an answer that says of a statement that its name is taken, where the server finds something else wrong with it first.
func alsoWrong(heard, wanted string) bool {
	same, _, taken := strings.Cut(heard, "E:42P05")
	rest, as := strings.CutPrefix(wanted, same)
	return taken && as && strings.HasPrefix(rest, "E:")
}

// Whatever a client sends, it is answered as the server itself answers, whoever else uses the same connections meanwhile.
func TestRandomConversationsAreAnsweredAsDirect(t *testing.T) {
	const clients, rounds = 3, 40
	for name, change := range map[string]func(*setup){
		"transaction mode": func(s *setup) { s.settings.Pool.Max, s.settings.Pool.Pins, s.settings.Pool.Wait = 2, 2, time.Minute },
		"session mode":     func(s *setup) { sessionMode(s); s.settings.Pool.Max = clients },
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, change)
			for round := range rounds {
				all(clients, func(i int) {
					seed := uint64(round*clients + i)
					messages := turns(rand.New(rand.NewPCG(seed, 0)))
					want, got := directRaw(t).plays(messages), d.raw(t, "").plays(messages)
					if at, heard, wanted := firstDifference(got, want); at > 0 && !alsoWrong(heard, wanted) {
						t.Errorf("seed %d: it sends\n%s\nand in turn %d hears\n%s\ndirect it hears\n%s", seed, told(messages[:min(at, len(messages))]), at, heard, wanted)
					}
				})
			}
		})
	}
}
