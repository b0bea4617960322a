package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Codes that stand where a startup message has its protocol version;
// https://www.postgresql.org/docs/current/protocol-message-formats.html.
const (
	cancelRequestCode = 80877102
	sslRequestCode    = 80877103
	gssRequestCode    = 80877104
	protocolMajor     = 3
	newestMinor       = 2
)

// errCancelled is why a connection ends that brought a CancelRequest.
var errCancelled = errors.New("cancel request")

// startup is what a client says of itself before it logs in.
type startup struct {
	minor          uint16
	user, database string
	// settings are its parameters that are settings of the server, names in lower case.
	settings map[string]string
	// unknown are protocol options that nobody here knows.
	unknown []string
}

// greet takes a client through SSLRequest, GSSENCRequest and CancelRequest to its startup message. conn may come back wrapped in TLS.
func (x *proxy) greet(conn net.Conn) (net.Conn, *startup, error) {
	conn, err := x.directTLS(conn)
	if err != nil {
		return conn, nil, err
	}
	for asked := 0; ; asked++ {
		code, body, err := readStartup(conn)
		if err != nil {
			return conn, nil, err
		}
		switch {
		case code == cancelRequestCode && len(body) >= 4:
			x.cancelRequest(binary.BigEndian.Uint32(body), body[4:])
			return conn, nil, errCancelled
		case code == sslRequestCode && len(body) == 0 && asked < 2:
			if conn, err = x.offerTLS(conn); err != nil {
				return conn, nil, err
			}
		case code == gssRequestCode && len(body) == 0 && asked < 2:
			if _, err := conn.Write([]byte{'N'}); err != nil {
				return conn, nil, errGone
			}
		case code>>16 == protocolMajor:
			st, p := parseStartup(uint16(code), body)
			if p != nil {
				return conn, nil, p
			}
			return conn, st, nil
		default:
			return conn, nil, fatal(codeUnsupported, "unsupported frontend protocol %d.%d: server supports 3.0 to 3.%d", code>>16, code&0xffff, newestMinor)
		}
	}
}

// readStartup reads a message without a kind, and not a byte more, so that nothing sent before TLS can pass for something sent in it.
func readStartup(conn net.Conn) (code uint32, body []byte, err error) {
	var head [8]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return 0, nil, errGone
	}
	size := int64(binary.BigEndian.Uint32(head[:])) - 8
	if size < 0 || size > maxLogin {
		return 0, nil, fatal(codeProtocol, "invalid length of startup packet")
	}
	body = make([]byte, size)
	if _, err := io.ReadFull(conn, body); err != nil {
		return 0, nil, errGone
	}
	return binary.BigEndian.Uint32(head[4:]), body, nil
}

// parseStartup reads a startup message's parameters.
func parseStartup(minor uint16, body []byte) (*startup, *problem) {
	st := &startup{minor: minor, settings: map[string]string{}}
	for len(body) > 0 && body[0] != 0 {
		name, rest, ok := cutText(body)
		value, rest, ok2 := cutText(rest)
		if !ok || !ok2 {
			return nil, fatal(codeProtocol, "invalid startup packet layout")
		}
		body = rest
		if p := st.parameter(string(name), string(value)); p != nil {
			return nil, p
		}
	}
	if len(body) != 1 {
		return nil, fatal(codeProtocol, "invalid startup packet layout: expected terminator as last byte")
	}
	if st.user == "" {
		return nil, fatal(codeNeedsTLS, "no PostgreSQL user name specified in startup packet")
	}
	if st.database == "" {
		st.database = st.user
	}
	return st, nil
}

func (st *startup) parameter(name, value string) *problem {
	switch {
	case name == "user":
		st.user = value
	case name == "database":
		st.database = value
	case name == "replication":
		if !slices.Contains([]string{"false", "off", "no", "0"}, strings.ToLower(value)) {
			return fatal(codeUnsupported, "replication connections are not supported")
		}
	case name == "options":
		return st.options(value)
	case strings.HasPrefix(name, "_pq_."):
		st.unknown = append(st.unknown, name)
	default:
		return st.set(name, value)
	}
	return nil
}

func (st *startup) set(name, value string) *problem {
	name = strings.ToLower(name)
	if name == "client_encoding" && unsafeEncoding(value) {
		return fatal(codeUnsupported, "client_encoding %q is not supported: its letters may hold bytes that read as quotes", value)
	}
	st.settings[name] = value
	return nil
}

// options reads command-line arguments as PostgreSQL does: -c name=value and --name=value, a backslash taking the next character.
func (st *startup) options(line string) *problem {
	args := splitOptions(line)
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "-c" && i+1 < len(args):
			i++
			arg = args[i]
		case strings.HasPrefix(arg, "-c"):
			arg = arg[2:]
		case strings.HasPrefix(arg, "--"):
			arg = arg[2:]
		default:
			return fatal("42601", "invalid command-line argument for server process: %s", arg)
		}
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			return fatal("42601", "-c %s requires a value", name)
		}
		if p := st.set(strings.ReplaceAll(name, "-", "_"), value); p != nil {
			return p
		}
	}
	return nil
}

func splitOptions(line string) []string {
	var args []string
	var arg strings.Builder
	inside, escaped := false, false
	for _, c := range []byte(line) {
		switch {
		case escaped:
			arg.WriteByte(c)
			escaped = false
		case c == '\\':
			inside, escaped = true, true
		case c == ' ' || c >= '\t' && c <= '\r':
			if inside {
				args = append(args, arg.String())
				arg.Reset()
			}
			inside = false
		default:
			arg.WriteByte(c)
			inside = true
		}
	}
	if inside {
		args = append(args, arg.String())
	}
	return args
}

// newestMinor is the newest protocol that the server speaks, so that a client finds here what it would find there: 3.2 came with
// PostgreSQL 18. It is 3.2 before the first connection to the server.
func (x *proxy) newestMinor() uint16 {
	major, _, _ := strings.Cut(x.pool.parameters().of["server_version"], ".")
	if n, err := strconv.Atoi(major); err == nil && n < 18 {
		return 0
	}
	return newestMinor
}

// negotiate tells a client which newer things it asked for are not here, newest being the newest protocol; nothing where it asked
// for none.
func (st *startup) negotiate(dst []byte, newest uint16) []byte {
	if st.minor == 0 && len(st.unknown) == 0 {
		return dst
	}
	minor := st.minor
	switch {
	case minor == 1:
		minor = 0 // there never was a 3.1
	case minor > newest:
		minor = newest
	}
	if minor == st.minor && len(st.unknown) == 0 {
		return dst
	}
	st.minor = minor
	start := len(dst)
	dst = startMessage(dst, 'v')
	dst = binary.BigEndian.AppendUint32(dst, protocolMajor<<16|uint32(minor))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(st.unknown)))
	for _, name := range st.unknown {
		dst = appendText(dst, name)
	}
	return endMessage(dst, start)
}

// readLogin reads one message of the login, at most maxLogin bytes long.
func readLogin(conn net.Conn, kind byte) ([]byte, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return nil, errGone
	}
	size := bodySize(head[:])
	if head[0] != kind {
		return nil, fatal(codeProtocol, "expected password response, got message type %d", head[0])
	}
	if size < 0 || size > maxLogin {
		return nil, fatal(codeProtocol, "invalid password packet size")
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(conn, body); err != nil {
		return nil, fmt.Errorf("read login: %w", errGone)
	}
	return body, nil
}
