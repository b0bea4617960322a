package preflight

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

const (
	// tcpTableOwnerPidListener is TCP_TABLE_OWNER_PID_LISTENER of iphlpapi.h.
	tcpTableOwnerPidListener = 3
	// Sizes of MIB_TCPROW_OWNER_PID and MIB_TCP6ROW_OWNER_PID, bytes.
	row4, row6 = 24, 56
)

// listeners asks iphlpapi for the listeners of both families.
func listeners(port uint16) []Owner {
	var all []Owner
	for row := range tableRows(windows.AF_INET, row4) {
		addr, _ := netip.AddrFromSlice(row[4:8])
		all = append(all, owner(addr, row[8:], row[20:]))
	}
	for row := range tableRows(windows.AF_INET6, row6) {
		addr, _ := netip.AddrFromSlice(row[:16])
		all = append(all, owner(addr, row[20:], row[52:]))
	}
	all = slices.DeleteFunc(all, func(o Owner) bool { return o.Addr.Port() != port })
	for i, o := range all {
		all[i].Command, all[i].Started = process(o.PID)
	}
	slices.SortFunc(all, func(a, b Owner) int { return a.Addr.Compare(b.Addr) })
	return all
}

// owner is made of an address, a port in network order and a pid.
func owner(addr netip.Addr, port, pid []byte) Owner {
	return Owner{Addr: netip.AddrPortFrom(addr, binary.BigEndian.Uint16(port)), PID: int(binary.LittleEndian.Uint32(pid))}
}

// tableRows yields the rows of GetExtendedTcpTable; none where the system refuses.
func tableRows(family uint32, size int) func(yield func([]byte) bool) {
	return func(yield func([]byte) bool) {
		table := tcpTable(family)
		if len(table) < 4 {
			return
		}
		n := int(binary.LittleEndian.Uint32(table))
		for i := range n {
			at := 4 + i*size
			if at+size > len(table) || !yield(table[at:at+size]) {
				return
			}
		}
	}
}

// tcpTable returns the raw table. It grows between two calls where programs start to listen, so it is asked some times.
func tcpTable(family uint32) []byte {
	get := windows.NewLazySystemDLL("iphlpapi.dll").NewProc("GetExtendedTcpTable")
	if get.Find() != nil {
		return nil
	}
	size := uint32(16 << 10)
	for range 5 {
		table := make([]byte, size)
		code, _, _ := get.Call(uintptr(unsafe.Pointer(&table[0])), uintptr(unsafe.Pointer(&size)), 0, uintptr(family), tcpTableOwnerPidListener, 0)
		switch windows.Errno(code) {
		case 0:
			return table
		case windows.ERROR_INSUFFICIENT_BUFFER:
		default:
			return nil
		}
	}
	return nil
}

// process returns the program and start of pid; nothing where it may not be looked at.
func process(pid int) (command string, begun time.Time) {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return "", time.Time{}
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing was written
	name := make([]uint16, windows.MAX_PATH)
	size := uint32(len(name))
	if windows.QueryFullProcessImageName(h, 0, &name[0], &size) == nil {
		command = shortCommand([]string{windows.UTF16ToString(name[:size])})
	}
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(h, &created, &exited, &kernel, &user) == nil {
		begun = time.Unix(0, created.Nanoseconds())
	}
	return command, begun
}

// socketOwner is not told: only listeners are asked for.
func socketOwner(netip.AddrPort, uint16) (Owner, bool) { return Owner{}, false }
