package preflight

import (
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestListenersNameTheProcessOfAPort(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := netip.MustParseAddrPort(l.Addr().String())
	owners := Listeners(at.Port())
	if len(owners) != 1 || owners[0].PID != os.Getpid() || owners[0].Addr != at {
		t.Fatalf("owners of %s are %v, want this process, pid %d", at, owners, os.Getpid())
	}
	if age := time.Since(owners[0].Started); age < -2*time.Second || age > time.Hour {
		t.Errorf("this process is said to have started %s ago", age)
	}
	if !strings.Contains(owners[0].String(), "preflight.test") {
		t.Errorf("owner is %q, want the name of this program in it", owners[0])
	}
	if got := Holders(netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port())); len(got) != 1 {
		t.Errorf("holders against 0.0.0.0 are %v, want the one listener", got)
	}
	if got := Holders(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), at.Port())); got != nil {
		t.Errorf("holders against 127.0.0.2 are %v, want none", got)
	}
}

func TestOwnersAreToldWithoutTheirArguments(t *testing.T) {
	for want, args := range map[string][]string{
		"node server.js": {"/usr/bin/node", "/srv/shop/server.js", "--token=hunter2"},
		"python3 app.py": {"python3", "-u", "app.py"},
		"psql":           {"psql", "postgres://u:p@h/db"},
		"app":            {"/opt/app", "--password", "KEY=hunter2"},
		"":               nil,
	} {
		if got := shortCommand(args); got != want {
			t.Errorf("%q is shown as %q, want %q", args, got, want)
		}
	}
	if got := (Owner{}).String(); got != "a process of another user" {
		t.Errorf("an unknown owner is %q", got)
	}
	since := time.Date(2026, 1, 2, 9, 14, 0, 0, time.UTC)
	if got := strings.Join(Owner{PID: 812, Command: "node server.js", Started: since}.facts(since.Add(time.Hour)), ", "); got != "node server.js, since 09:14" {
		t.Errorf("got %q", got)
	}
}

// A local address may be shared: by connections to other places, and by ones that ended, which have no owner any more.
func TestSocketOwnerIsThatOfTheConnectionAskedFor(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Log("the owners of connections are known on Linux only")
		return
	}
	there, elsewhere := listen(t), listen(t)
	conn, err := net.Dial("tcp4", there.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	at := netip.MustParseAddrPort(conn.LocalAddr().String())
	if o, found := socketOwner(at, there.Port()); !found || o.PID != os.Getpid() {
		t.Errorf("owner of %s to %s: got %v, %v, want this process", at, there, o, found)
	}
	if o, found := socketOwner(at, elsewhere.Port()); found {
		t.Errorf("owner of %s to %s: got %v, want none", at, elsewhere, o)
	}
}

func listen(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return netip.MustParseAddrPort(l.Addr().String())
}
