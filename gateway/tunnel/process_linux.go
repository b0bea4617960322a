package tunnel

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// executedByNumber is how a child executes the file it got as number 3: the very bytes that were hashed.
const executedByNumber = "/proc/self/fd/3"

// attributes puts a child in its own group and lets it die with the thread that started it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitEnd returns when pid has ended, and leaves it unreaped.
func awaitEnd(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}

// identify returns what tells process pid from any other that ever had its number.
func identify(pid int) (identity, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return identity{}, fmt.Errorf("identify process: %w", err)
	}
	fields, err := procStat(pid)
	if err != nil {
		return identity{}, err
	}
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return identity{}, fmt.Errorf("identify process: %w", err)
	}
	return identity{PID: pid, Started: fields[19], Boot: strings.TrimSpace(string(boot)), Exe: strings.TrimSuffix(exe, " (deleted)")}, nil
}

// frozen reports whether pid is stopped by a signal.
func frozen(pid int) bool {
	fields, err := procStat(pid)
	return err == nil && (fields[0] == "T" || fields[0] == "t")
}

// groupMembers returns the processes of the group that pid leads, itself left out, in order of their numbers.
func groupMembers(pid int) []identity {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var all []identity
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil || n == pid {
			continue
		}
		if fields, err := procStat(n); err == nil && fields[2] == strconv.Itoa(pid) {
			if id, err := identify(n); err == nil {
				all = append(all, id)
			}
		}
	}
	slices.SortFunc(all, func(a, b identity) int { return a.PID - b.PID })
	return all
}

// procStat returns the fields of /proc/PID/stat from the third one (state) on: proc_pid_stat(5).
func procStat(pid int) ([]string, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil, fmt.Errorf("identify process: %w", err)
	}
	end := strings.LastIndexByte(string(text), ')') // the name may hold anything, parentheses too
	fields := strings.Fields(string(text[end+1:]))
	if len(fields) < 20 {
		return nil, fmt.Errorf("identify process: /proc/%d/stat has %d fields", pid, len(fields))
	}
	return fields, nil
}

// runningImage opens the executable that pid runs, even where its file was replaced or removed.
func runningImage(pid int) (*os.File, error) { return os.Open(fmt.Sprintf("/proc/%d/exe", pid)) }
