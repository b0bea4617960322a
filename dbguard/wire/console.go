package wire

import (
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"time"
)

// consoleDatabase is the name under which the door itself answers: psql -p 6432 sallyport -c 'SHOW POOLS'.
const consoleDatabase = "sallyport"

// table is an answer of the console: the names of its columns, and its rows as text.
type table struct {
	columns []string
	rows    [][]string
}

// console answers an admin on this machine until it leaves.
func (x *proxy) console(raw, conn net.Conn, who *account) error {
	peer, isTCP := raw.RemoteAddr().(*net.TCPAddr)
	if !who.admin || isTCP && !peer.IP.IsLoopback() {
		return fatal(codeBlocked, "the console is for admin users on this machine")
	}
	_ = raw.SetDeadline(time.Time{})
	hello := appendMessage(nil, 'R', 0, 0, 0, 0)
	for _, p := range [][2]string{{"server_version", "15.0"}, {"client_encoding", "UTF8"}, {"server_encoding", "UTF8"}, {"standard_conforming_strings", "on"}, {"DateStyle", "ISO"}} {
		hello = appendParameter(hello, p[0], p[1])
	}
	if _, err := conn.Write(appendReady(hello, 'I')); err != nil {
		return errGone
	}
	defer x.enterConsole(conn)()
	in := inbox{from: conn}
	defer in.release()
	for {
		m, err := in.next()
		var p *problem
		switch {
		case errors.As(err, &p):
			return p
		case err != nil || m.kind == 'X':
			return errTerminate
		case m.kind != 'Q' || m.rest > 0:
			return fatal(codeUnsupported, "the console takes simple queries only, such as SHOW HELP")
		}
		text, _, _ := cutText(m.body())
		if _, err := conn.Write(x.consoleAnswer(string(text))); err != nil {
			return errGone
		}
	}
}

// enterConsole lets the end of the door close the console's connection too; the function it returns ends that.
func (x *proxy) enterConsole(conn net.Conn) (leave func()) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.consoles[conn] = struct{}{}
	if x.closing {
		_ = conn.Close()
	}
	return func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		delete(x.consoles, conn)
	}
}

// consoleAnswer is the whole answer to a query of the console.
func (x *proxy) consoleAnswer(sql string) []byte {
	words := strings.Fields(strings.ToLower(strings.TrimRight(strings.TrimSpace(sql), ";")))
	if len(words) == 0 {
		return appendReady(appendMessage(nil, 'I'), 'I')
	}
	if len(words) == 2 && words[0] == "show" {
		for _, page := range consolePages {
			if page.name == words[1] {
				return page.show(x).append(nil)
			}
		}
	}
	p := refuse("42601", "the console does not know that").with("SHOW HELP lists what it knows.")
	return appendReady(p.append(nil), 'I')
}

// append appends the table as RowDescription, DataRows, CommandComplete and ReadyForQuery.
func (t table) append(dst []byte) []byte {
	const text = 25
	start := len(dst)
	dst = binary.BigEndian.AppendUint16(startMessage(dst, 'T'), uint16(len(t.columns)))
	for _, name := range t.columns {
		dst = append(appendText(dst, name), 0, 0, 0, 0, 0, 0)
		dst = binary.BigEndian.AppendUint32(dst, text)
		dst = append(dst, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0) // no fixed length, no modifier, in text
	}
	dst = endMessage(dst, start)
	for _, row := range t.rows {
		start = len(dst)
		dst = binary.BigEndian.AppendUint16(startMessage(dst, 'D'), uint16(len(row)))
		for _, value := range row {
			dst = append(binary.BigEndian.AppendUint32(dst, uint32(len(value))), value...)
		}
		dst = endMessage(dst, start)
	}
	return appendReady(appendComplete(dst, "SHOW"), 'I')
}
