package wire

import (
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"
)

func TestFunctionCallsReachLargeObjectsAndNothingElse(t *testing.T) {
	d := open(t, onePool)
	r := d.raw(t, "")
	arg := func(n ...byte) []byte { return n }
	r.say(&pgproto3.Query{String: "begin; select lo_create(4711)"})
	r.wantHears(1, "C:BEGIN T D C:SELECT 1 Z:T")
	// lo_open with INV_READ|INV_WRITE, lowrite, lo_lseek to 0, loread: https://www.postgresql.org/docs/15/lo-interfaces.html
	r.say(&pgproto3.FunctionCall{Function: 952, ArgFormatCodes: []uint16{1}, Arguments: [][]byte{arg(0, 0, 0x12, 0x67), arg(0, 6, 0, 0)}, ResultFormatCode: 1},
		&pgproto3.FunctionCall{Function: 955, ArgFormatCodes: []uint16{1}, Arguments: [][]byte{arg(0, 0, 0, 0), []byte("large")}, ResultFormatCode: 1},
		&pgproto3.FunctionCall{Function: 956, ArgFormatCodes: []uint16{1}, Arguments: [][]byte{arg(0, 0, 0, 0), arg(0, 0, 0, 1), arg(0, 0, 0, 0)}, ResultFormatCode: 1},
		&pgproto3.FunctionCall{Function: 954, ArgFormatCodes: []uint16{1}, Arguments: [][]byte{arg(0, 0, 0, 0), arg(0, 0, 0, 9)}, ResultFormatCode: 1})
	r.wantHears(4, "V:00000000 Z:T V:00000005 Z:T V:00000001 Z:T V:61726765 Z:T")
	// pg_read_file(text), within the transaction and outside: refused, and the session goes on.
	r.say(&pgproto3.FunctionCall{Function: 3826, Arguments: [][]byte{[]byte("/etc/passwd")}}, &pgproto3.Query{String: "select 1"}, &pgproto3.Query{String: "rollback"},
		&pgproto3.FunctionCall{Function: 3826, Arguments: [][]byte{[]byte("/etc/passwd")}}, &pgproto3.Query{String: "select 1"})
	r.wantHears(5, "E:0A000 Z:E E:25P02 Z:E C:ROLLBACK Z:I E:0A000 Z:I T D C:SELECT 1 Z:I")
	// Without a server attached, and skipped behind an error.
	r.say(&pgproto3.FunctionCall{Function: 964, ArgFormatCodes: []uint16{1}, Arguments: [][]byte{arg(0, 0, 0x12, 0x67)}}, &pgproto3.Parse{Query: "selec"},
		&pgproto3.FunctionCall{Function: 957, ArgFormatCodes: []uint16{1}, Arguments: [][]byte{arg(0, 0, 0, 0)}}, &pgproto3.Sync{})
	r.wantHears(2, "E:42704 Z:I E:42601 Z:I")
}
