package preflight

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// stateListen is TCP_LISTEN in /proc/net/tcp.
	stateListen = "0A"
	// ticks is USER_HZ, which is 100 on every architecture that Go runs on.
	ticks = 100
)

// listeners reads /proc/net/tcp and tcp6, and finds the process of each socket by its inode.
func listeners(port uint16) []Owner {
	found := map[string]Owner{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue // no IPv6, or no /proc: nothing is known
		}
		for line := range strings.Lines(string(text)) {
			if inode, addr, ok := listening(line); ok && addr.Port() == port {
				found[inode] = Owner{Addr: addr}
			}
		}
	}
	if len(found) > 0 {
		nameOwners(found)
	}
	var all []Owner
	for _, o := range found {
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b Owner) int { return a.Addr.Compare(b.Addr) })
	return all
}

// socketOwner returns whose end of a connection at is, to port to of wherever; not found where it is not on this machine. Connections
// to several places may share a local address, and those that ended long keep it for a while without an owner.
func socketOwner(at netip.AddrPort, to uint16) (owner Owner, found bool) {
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) < 10 {
				continue
			}
			addr, ok := hexAddr(f[1])
			far, known := hexAddr(f[2])
			if !ok || !known || addr.Port() != at.Port() || addr.Addr().Unmap() != at.Addr().Unmap() || far.Port() != to {
				continue
			}
			owners := map[string]Owner{f[9]: {Addr: at}}
			nameOwners(owners)
			if owner, found = owners[f[9]], true; owner.PID != 0 {
				return owner, true
			}
		}
	}
	return owner, found
}

// listening reads one line of /proc/net/tcp: its inode and local address, where it is a listener.
func listening(line string) (inode string, addr netip.AddrPort, ok bool) {
	f := strings.Fields(line)
	if len(f) < 10 || f[3] != stateListen {
		return "", addr, false
	}
	addr, ok = hexAddr(f[1])
	return f[9], addr, ok
}

// hexAddr reads "0100007F:1F90": 32-bit words in the machine's order, then the port.
func hexAddr(text string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(text, ":")
	raw, err := hex.DecodeString(host)
	n, errPort := strconv.ParseUint(port, 16, 16)
	if err != nil || errPort != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.BigEndian.PutUint32(raw[i:], binary.NativeEndian.Uint32(raw[i:]))
	}
	ip, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(ip, uint16(n)), ok
}

// nameOwners looks through every process's open files for the sockets in found, by inode. Of a parent and its forks, which
// share one, the first that was started is named.
func nameOwners(found map[string]Owner) {
	for _, pid := range pids() {
		for _, inode := range sockets(pid) {
			if o, wanted := found[inode]; wanted && o.PID == 0 {
				o.PID, o.Command, o.Started = pid, command(pid), started(pid)
				found[inode] = o
			}
		}
	}
}

// pids returns every process that is visible here, in order of number.
func pids() []int {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil // the pattern is constant
	}
	var all []int
	for _, dir := range dirs {
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			all = append(all, pid)
		}
	}
	slices.Sort(all)
	return all
}

// sockets returns the inodes of the sockets that pid has open; none where it may not be looked at.
func sockets(pid int) []string {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd/"
	fds, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var inodes []string
	for _, fd := range fds {
		target, err := os.Readlink(dir + fd.Name())
		if err != nil {
			continue // closed meanwhile
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			inodes = append(inodes, strings.TrimSuffix(inode, "]"))
		}
	}
	return inodes
}

// command is the short command line of pid, "" where it ended.
func command(pid int) string {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil || len(raw) == 0 {
		return ""
	}
	return shortCommand(strings.Split(string(bytes.TrimRight(raw, "\x00")), "\x00"))
}

// started is when pid was started, zero where that is unknown: field 22 of stat counts ticks from boot.
func started(pid int) time.Time {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return time.Time{}
	}
	_, rest, ok := strings.Cut(string(raw[bytes.LastIndexByte(raw, ')')+1:]), " ")
	f := strings.Fields(rest)
	if !ok || len(f) < 20 {
		return time.Time{}
	}
	n, err := strconv.ParseInt(f[19], 10, 64)
	if err != nil {
		return time.Time{}
	}
	boot := booted()
	if boot.IsZero() {
		return boot
	}
	return boot.Add(time.Duration(n) * time.Second / ticks).Truncate(time.Second)
}

// booted is when the machine was started.
func booted() time.Time {
	raw, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}
	}
	for line := range strings.Lines(string(raw)) {
		if text, ok := strings.CutPrefix(line, "btime "); ok {
			if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil {
				return time.Unix(n, 0)
			}
		}
	}
	return time.Time{}
}
