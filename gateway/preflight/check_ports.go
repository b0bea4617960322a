package preflight

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

var (
	loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	loopback6 = netip.IPv6Loopback()
)

// checkSplitPort finds a declared port whose two loopback addresses belong to different processes: what is tested on localhost
// is then not what the tunnel shows.
func checkSplitPort(_ context.Context, site Site) Result {
	var split []Result
	seen := map[uint16]bool{}
	for _, d := range declaredPorts(site) {
		if seen[d.addr.Port()] {
			continue
		}
		seen[d.addr.Port()] = true
		if four, six, is := splitOwners(listeners(d.addr.Port())); is {
			split = append(split, splitResult(d, four, six))
		}
	}
	if len(split) == 0 {
		return ok("no declared port is split between 127.0.0.1 and [::1]")
	}
	all := split[0]
	for _, more := range split[1:] {
		all.Found += "; " + more.Found
		all.Evidence = append(all.Evidence, more.Evidence...)
	}
	return all
}

func splitResult(d declared, four, six Owner) Result {
	p := d.addr.Port()
	end := six
	if d.addr.Addr().Is6() {
		end = four
	}
	fix := "end the one that is not meant"
	if end.PID != 0 {
		fix = fmt.Sprintf("kill %d   # or let it listen elsewhere, if %s is not meant to be there", end.PID, end.Addr)
	}
	return fail(fix, "%s (%s) is split: 127.0.0.1:%d is %s, [::1]:%d is %s", portText(p), d.key, p, four, p, six).with(
		"127.0.0.1:"+strconv.Itoa(int(p))+" is "+four.String(),
		"[::1]:"+strconv.Itoa(int(p))+" is "+six.String(),
		"localhost can mean either; tests and the tunnel may reach different programs",
	)
}

// splitOwners returns who answers 127.0.0.1 and [::1], and whether they are different processes.
func splitOwners(owners []Owner) (four, six Owner, split bool) {
	four, has4 := answering(owners, loopback4)
	six, has6 := answering(owners, loopback6)
	if !has4 || !has6 || four.Addr == six.Addr {
		return four, six, false
	}
	if four.PID == 0 && six.PID == 0 {
		return four, six, false // two sockets of other users: nothing says that they are two programs
	}
	return four, six, four.PID != six.PID
}

// answering is the owner that connections to ip reach; the exact address goes before every address.
func answering(owners []Owner, ip netip.Addr) (Owner, bool) {
	for _, o := range owners {
		if o.Addr.Addr().Unmap() == ip {
			return o, true
		}
	}
	for _, sameFamily := range []bool{true, false} {
		for _, o := range owners {
			if serves(o.Addr.Addr(), ip) && (o.Addr.Addr().Is4() == ip.Is4()) == sameFamily {
				return o, true
			}
		}
	}
	return Owner{}, false
}

// checkOwners finds our ports in other hands: a stale process, or a range that the system keeps for itself.
func checkOwners(ctx context.Context, site Site) Result {
	var bad []Result
	var evidence []string
	for _, d := range declaredPorts(site) {
		if !d.ours {
			continue
		}
		held := Holders(d.addr)
		if i := slices.IndexFunc(held, func(o Owner) bool { return !site.isOurs(o) }); i >= 0 {
			bad = append(bad, fail(endIt(held[i]), "%s (%s) is held by %s", d.addr, d.key, held[i]))
			continue
		}
		if len(held) > 0 {
			evidence = append(evidence, fmt.Sprintf("%s (%s) is ours: %s", d.addr, d.key, held[0]))
			continue
		}
		if err := free(ctx, d.addr); err != nil {
			bad = append(bad, fail("choose another port for "+d.key, "%s (%s) cannot be listened on: %v", d.addr, d.key, err))
			continue
		}
		evidence = append(evidence, fmt.Sprintf("%s (%s) is free", d.addr, d.key))
	}
	if len(bad) == 0 {
		return ok("our ports are ours").with(evidence...)
	}
	all := bad[0]
	for _, more := range bad[1:] {
		all.Found += "; " + more.Found
	}
	return all.with(evidence...)
}

func endIt(o Owner) string {
	if o.PID == 0 {
		return "find it as root with: ss -ltnp"
	}
	return "kill " + strconv.Itoa(o.PID)
}

// isOurs reports a listener of this same program; one whose owner is not told is taken for ours.
func (s Site) isOurs(o Owner) bool {
	program, _, _ := strings.Cut(o.Command, " ")
	return o.PID == 0 || program == "sallyport" || program == strings.TrimSuffix(filepath.Base(s.Self), ".exe") || program == filepath.Base(s.Self)
}

// free listens for a moment on at, where nobody does: it tells ranges that the system keeps and ports that need a privilege.
func free(ctx context.Context, at netip.AddrPort) error {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", at.String())
	switch {
	case err == nil:
		return l.Close()
	case errors.Is(err, syscall.EACCES):
		return errors.New("the system refuses it: a privileged port, or a range that Windows excludes (netsh int ipv4 show excludedportrange tcp)")
	case errors.Is(err, syscall.EADDRINUSE):
		return errors.New("a process that this user may not see holds it")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return errors.New("this machine has no such address")
	}
	return err
}

// checkLocalhost looks what localhost means here, and whether the app answers there too.
func checkLocalhost(ctx context.Context, site Site) Result {
	var resolver net.Resolver
	found, err := resolver.LookupNetIP(ctx, "ip", "localhost")
	if err != nil || len(found) == 0 {
		return warn("add 127.0.0.1 localhost to the hosts file", "localhost means nothing here: %v", err)
	}
	words := make([]string, len(found))
	for i, a := range found {
		words[i] = a.Unmap().String()
	}
	first := found[0].Unmap()
	for _, d := range declaredPorts(site) {
		if owners := listeners(d.addr.Port()); len(owners) > 0 {
			if _, reached := answering(owners, first); !reached && len(found) < 2 {
				return warn("write "+d.addr.String()+" wherever localhost stands", "localhost is %s first, and %s (%s) does not answer there", first, portText(d.addr.Port()), d.key)
			}
		}
	}
	return ok("localhost means %s, in this order; the settings name literal addresses", strings.Join(words, ", "))
}
