package wire

import (
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"slices"
	"time"

	"sallyport/dbguard"
)

// welcome takes a connection through its login and serves it until it ends.
func (x *proxy) welcome(raw net.Conn) {
	_ = raw.SetDeadline(time.Now().Add(x.settings.Clients.LoginTimeout))
	conn, s, err := x.login(raw)
	if err != nil {
		var p *problem
		if errors.As(err, &p) {
			_ = raw.SetWriteDeadline(time.Now().Add(lastWordWithin)) // the end of the door ends what a client says, not what it hears
			_, _ = conn.Write(p.asFatal().append(nil))
			x.logger.Info("login refused", "client", raw.RemoteAddr().String(), "sqlstate", p.code, "error", p.message)
		}
		_ = conn.Close()
		return
	}
	defer x.forget(s)
	s.leave(s.serve())
	s.in.release()
}

// login makes a session of a connection; the connection that it returns may be wrapped in TLS.
func (x *proxy) login(raw net.Conn) (net.Conn, *session, error) {
	conn, st, err := x.greet(raw)
	if err != nil {
		return conn, nil, err
	}
	if p := x.mayEnter(conn, st); p != nil {
		return conn, nil, p
	}
	if hello := st.negotiate(nil, x.newestMinor()); len(hello) > 0 {
		if _, err := conn.Write(hello); err != nil {
			return conn, nil, errGone
		}
	}
	who, err := x.authenticate(conn, st.user)
	if err != nil {
		if errors.Is(err, errGone) && x.stopping() {
			err = shuttingDown()
		}
		return conn, nil, err
	}
	if st.database == consoleDatabase && x.database != consoleDatabase {
		return conn, nil, x.console(raw, plain(conn), who)
	}
	if st.database != x.database {
		return conn, nil, fatal(codeNoDatabase, "database %q does not exist", st.database)
	}
	_ = raw.SetDeadline(time.Time{}) // the wait for a server has a bound of its own, and from admit on a hang-up sets deadlines
	s := x.newSession(conn, st)
	s.raw = raw
	if err := x.admit(s, st.minor); err != nil {
		return conn, nil, err
	}
	if err := s.open(); err != nil {
		s.leave(err)
		x.forget(s)
		return conn, nil, err
	}
	return conn, s, nil
}

// mayEnter refuses what needs no password to be refused.
func (x *proxy) mayEnter(conn net.Conn, st *startup) *problem {
	if x.needsTLS && !isTLS(conn) {
		return fatal(codeNeedsTLS, "no encryption: TLS is required here").with("Set sslmode=require in the connection string.")
	}
	if x.stopping() {
		return shuttingDown()
	}
	return nil
}

func shuttingDown() *problem {
	return fatal(codeShutdown, "terminating connection due to administrator command")
}

func (x *proxy) newSession(conn net.Conn, st *startup) *session {
	conn = plain(conn)
	s := &session{proxy: x, conn: conn, since: x.now()}
	s.swift, _ = conn.(*swift)
	s.client = dbguard.Client{User: st.user, Database: st.database, Application: st.settings["application_name"], Addr: conn.RemoteAddr().String()}
	s.in.from = conn
	s.front = front{
		pooled: x.pooled, library: &x.library, status: 'I',
		named: map[string]*prepared{}, portals: map[string]*portal{},
	}
	if len(st.settings) > 0 {
		s.front.startup = newValues(st.settings)
		s.front.own = s.front.startup
	}
	return s
}

// harmless are startup settings with a value that every server takes and that are what a server connection reports anyway.
func harmless(name, value string, reported values) bool {
	return name == "application_name" || reported.of[name] == value
}

// open makes sure that a server takes the session's settings and tells the client of the server.
func (s *session) open() error {
	reported := s.proxy.pool.parameters()
	settle := !s.front.pooled || reported.of == nil
	for name, value := range s.front.own.of {
		settle = settle || !harmless(name, value, reported)
	}
	if settle {
		l, p := s.server(nil)
		if p != nil {
			return p
		}
		reported = l.back.reported
		if l.dedicated {
			s.proxy.adopt(s, l.pid)
		}
		release := l.atReady(s)
		l.mu.Unlock()
		if release {
			s.proxy.pool.put(l)
		}
	}
	s.front.told = s.asTold(reported)
	hello := append(appendMessage(nil, 'R', 0, 0, 0, 0), s.local...)
	s.local = s.local[:0]
	for _, name := range slices.Sorted(maps.Keys(s.front.told.of)) {
		hello = appendParameter(hello, name, s.front.told.of[name])
	}
	key := append(binary.BigEndian.AppendUint32(nil, s.key.pid), s.key.secret...)
	hello = appendReady(appendMessage(hello, 'K', key...), 'I')
	if _, err := s.conn.Write(hello); err != nil {
		return errGone
	}
	return nil
}

// asTold are the server's parameters as this client will find them: with its own name. Clients of one name that come one after
// another share them.
func (s *session) asTold(reported values) values {
	x, name := s.proxy, s.client.Application
	x.mu.Lock()
	last := x.lastTold
	x.mu.Unlock()
	if last.reported == reported.sig && last.told.of != nil && last.told.of["application_name"] == name {
		return last.told
	}
	told := maps.Clone(reported.of)
	told["application_name"] = name
	last = toldValues{reported.sig, newValues(told)}
	x.mu.Lock()
	x.lastTold = last
	x.mu.Unlock()
	return last.told
}

// toldValues are what a client was told where the server had reported values of a sig.
type toldValues struct {
	reported string
	told     values
}
