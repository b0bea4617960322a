package wire

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

func TestLoginsThatAreRefused(t *testing.T) {
	d := open(t, nil)
	for name, c := range map[string]struct{ from, to, code string }{
		"wrong password":   {"correct%20horse", "wrong", "28P01"},
		"unknown user":     {"app:", "nobody:", "28P01"},
		"unknown database": {"/postgres", "/other", "3D000"},
	} {
		_, err := tryConnect(strings.Replace(d.url(""), c.from, c.to, 1))
		if codeOf(err) != c.code {
			t.Errorf("%s: got %v, want %s", name, err, c.code)
		}
	}
}

func TestStrangersGetTheSameSaltTwice(t *testing.T) {
	a, err := loadAccounts(nil)
	if err != nil {
		t.Fatal(err)
	}
	one, two, other := a.keysOf("x"), a.keysOf("x"), a.keysOf("y")
	if one.Salt != two.Salt || one.Salt == other.Salt || one.Iters != scramRounds || len(one.Salt) != 16 {
		t.Errorf("salts are %q, %q and %q, want the first two equal, 16 bytes long", one.Salt, two.Salt, other.Salt)
	}
}

func TestVerifierFromPostgreSQLIsAPassword(t *testing.T) {
	ask(t, direct(t), "drop role if exists verified; create role verified password 'secret two'")
	verifier := ask(t, direct(t), "select rolpassword from pg_authid where rolname='verified'")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "v"), verifier)
	d := open(t, func(s *setup) {
		s.settings.Users = append(s.settings.Users, User{Name: "two", PasswordFile: filepath.Join(dir, "v")})
	})
	wants(t, connect(t, strings.Replace(d.url(""), "app:correct%20horse", "two:secret%20two", 1)), "select 1", "1")
	for _, bad := range []string{"SCRAM-SHA-256$x", "SCRAM-SHA-256$0:aa$bb:cc", "SCRAM-SHA-256$4096:!$b:c"} {
		if _, err := storedKeys(bad); err == nil {
			t.Errorf("%q is taken for a verifier", bad)
		}
	}
}

func TestCapsOfClients(t *testing.T) {
	d := open(t, func(s *setup) { s.settings.Clients.Max = 2 })
	d.connect(t, "")
	c := d.connect(t, "")
	if _, err := tryConnect(d.url("")); codeOf(err) != "53300" {
		t.Errorf("third of two clients: got %v, want 53300", err)
	}
	_ = c.Close(t.Context())
	until(t, "a place to be free", func() bool { _, err := tryConnect(d.url("")); return err == nil })
	d = open(t, func(s *setup) { s.settings.Clients.PerUser = 1 })
	d.connect(t, "")
	if _, err := tryConnect(d.url("")); codeOf(err) != "53300" {
		t.Errorf("second client of a user with one: got %v, want 53300", err)
	}
}

func TestLoginHasADeadline(t *testing.T) {
	d := open(t, func(s *setup) { s.settings.Clients.LoginTimeout = 200 * time.Millisecond })
	conn, err := net.Dial("tcp", d.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %v, want the connection closed", err)
	}
}

// certificate writes one for 127.0.0.1 and returns the settings, and the pool that trusts it.
func certificate(t *testing.T) (TLS, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "door"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := TLS{CertFile: filepath.Join(dir, "cert"), KeyFile: filepath.Join(dir, "key")}
	write(t, s.CertFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	write(t, s.KeyFile, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER})))
	return s, s.CertFile
}

func TestTLSWithChannelBinding(t *testing.T) {
	s, root := certificate(t)
	d := open(t, func(u *setup) { u.settings.TLS = s; u.settings.TLS.Required = true })
	secure := strings.Replace(d.url("sslrootcert="+url.QueryEscape(root)), "sslmode=disable", "sslmode=verify-full", 1)
	for _, more := range []string{"", "&channel_binding=require", "&channel_binding=disable", "&sslnegotiation=direct", "&max_protocol_version=3.2"} {
		c, err := pgconn.Connect(t.Context(), secure+more)
		if err != nil {
			t.Errorf("%s: %v", more, err)
			continue
		}
		wants(t, c, "select 1", "1")
		_ = c.Close(t.Context())
	}
	if _, err := tryConnect(d.url("")); codeOf(err) != "28000" {
		t.Errorf("without TLS: got %v, want 28000", err)
	}
}

func TestDirectTLSWithoutALPNIsRefused(t *testing.T) {
	s, _ := certificate(t)
	d := open(t, func(u *setup) { u.settings.TLS = s })
	conn, err := tls.Dial("tcp", d.addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer, _ := io.ReadAll(conn)
	if !strings.Contains(string(answer), "08P01") {
		t.Errorf("got %q, want 08P01", answer)
	}
}

func TestPlaintextBehindSSLRequestRunsNothing(t *testing.T) {
	s, _ := certificate(t)
	ask(t, direct(t), "drop table if exists injected")
	for name, change := range map[string]func(*setup){"without TLS": nil, "with TLS": func(u *setup) { u.settings.TLS = s }} {
		d := open(t, change)
		conn, err := net.Dial("tcp", d.addr)
		if err != nil {
			t.Fatal(err)
		}
		query, _ := (&pgproto3.Query{String: "create table injected(a int)"}).Encode(nil)
		_, _ = conn.Write(append([]byte{0, 0, 0, 8, 4, 210, 22, 47}, query...))
		_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := io.ReadAll(conn); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%s: got %v, want the connection closed", name, err)
		}
		conn.Close()
		if got := d.guard.Snapshot().Metrics.TotalQueries; got != 0 {
			t.Errorf("%s: %d statements ran, want 0", name, got)
		}
	}
}

// hello is a startup message's protocol and option, and how the answer to it begins.
type hello struct {
	minor        byte
	option, want string
}

func TestNewerProtocolsAreNegotiated(t *testing.T) {
	d := open(t, nil)
	d.wantAnswers(t, hello{0, "", "R"}, hello{2, "", "R"}, hello{1, "", "v3.0"}, hello{9, "", "v3.2"}, hello{0, "_pq_.new", "v3.0_pq_.new"})
	known := hello{2, "", "R"} // now the door knows what the server speaks
	if major, _, _ := strings.Cut(d.connect(t, "").ParameterStatus("server_version"), "."); len(major) == 2 && major < "18" {
		known.want = "v3.0"
	}
	d.wantAnswers(t, hello{0, "", "R"}, known)
}

func (d *doorway) wantAnswers(t *testing.T, hellos ...hello) {
	t.Helper()
	for _, c := range hellos {
		conn, err := net.Dial("tcp", d.addr)
		if err != nil {
			t.Fatal(err)
		}
		body := append([]byte{0, 3, 0, c.minor}, "user\x00app\x00"...)
		if c.option != "" {
			body = append(body, c.option+"\x00on\x00"...)
		}
		body = append(body, 0)
		_, _ = conn.Write(append([]byte{0, 0, 0, byte(len(body) + 4)}, body...))
		head := make([]byte, headerSize)
		if _, err := io.ReadFull(conn, head); err != nil {
			t.Fatal(err)
		}
		rest := make([]byte, bodySize(head))
		_, _ = io.ReadFull(conn, rest)
		got := string(head[:1])
		if got == "v" {
			got += string('0'+rest[1]) + "." + string('0'+rest[3]) + strings.TrimRight(string(rest[8:]), "\x00")
		}
		if got != c.want {
			t.Errorf("3.%d %s: got %q, want %q", c.minor, c.option, got, c.want)
		}
		conn.Close()
	}
}

// The login's deadline is the client's. What it waits for a server, for its settings, is bounded by the pool's wait.
func TestAWaitForAServerIsNoLateLogin(t *testing.T) {
	d := open(t, func(s *setup) { onePool(s); s.settings.Clients.LoginTimeout = 2 * time.Second })
	holder := d.connect(t, "")
	ask(t, holder, "begin")
	in := make(chan error, 1)
	go func() {
		c, err := pgconn.Connect(context.Background(), d.url("options=-c%20work_mem%3D5MB"))
		if err == nil {
			err = c.Close(context.Background())
		}
		in <- err
	}()
	until(t, "it to wait", func() bool { return d.Snapshot().Pool.Waiting == 1 })
	time.Sleep(2500 * time.Millisecond) // the login's deadline passes
	ask(t, holder, "commit")
	if err := <-in; err != nil {
		t.Errorf("who waited for a server: %v", err)
	}
}
