package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// dropStartPages unmaps every page of the program file. Two thirds of it are mapped at the start, 64 KB around each place that one
// package's initialisation touched, and a tenth of that serves requests. What is needed comes back from the page cache by itself, one
// short fault for each 64 KB; what is not no longer counts as this process's memory, and is the first that the kernel takes when it is
// short (madvise(2), MADV_DONTNEED).
//
// A mapping in which somebody has written, as debuggers and probes do, stays as it is: it would lose what was written.
func dropStartPages() error {
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return err
	}
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	for _, m := range untouched(strings.NewReader(string(text)), program) {
		if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, m.from, m.to-m.from, syscall.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("madvise: %w", errno)
		}
	}
	return nil
}

// mapping is a range of addresses, and how much of it is in memory, in bytes.
type mapping struct {
	from, to uintptr
	resident int64
}

// untouched returns the mappings of program in smaps (proc_pid_smaps(5)) that are not writable and hold nothing but the file.
func untouched(smaps io.Reader, program string) []mapping {
	var all []mapping
	var m *mapping // what the lines are about, nil where it is none of these
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) == 0:
		case !strings.HasSuffix(f[0], ":"):
			m = nil
			if len(f) == 6 && f[5] == program && f[1][1] == '-' && f[1][3] == 'p' {
				if from, to, ok := addresses(f[0]); ok {
					all = append(all, mapping{from: from, to: to})
					m = &all[len(all)-1]
				}
			}
		case m == nil || len(f) != 3:
		case f[0] == "Rss:":
			m.resident = kilobytes(f[1])
		case f[0] == "Anonymous:" && kilobytes(f[1]) != 0:
			all, m = all[:len(all)-1], nil
		}
	}
	return all
}

// addresses reads "00400000-0168c000".
func addresses(text string) (from, to uintptr, ok bool) {
	a, b, _ := strings.Cut(text, "-")
	first, err1 := strconv.ParseUint(a, 16, 64)
	last, err2 := strconv.ParseUint(b, 16, 64)
	return uintptr(first), uintptr(last), err1 == nil && err2 == nil && first < last
}

// kilobytes reads a number of them; what is none is 0.
func kilobytes(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
