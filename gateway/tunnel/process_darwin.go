package tunnel

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// executedByNumber is not available here: the executable is checked before and named by its path.
const executedByNumber = ""

// attributes puts a child in its own group.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitEnd returns when pid has ended, and leaves it unreaped.
func awaitEnd(pid int) {
	kq, err := unix.Kqueue()
	if err != nil {
		return
	}
	defer func() { _ = unix.Close(kq) }()
	change := []unix.Kevent_t{{Ident: uint64(pid), Filter: unix.EVFILT_PROC, Flags: unix.EV_ADD | unix.EV_ONESHOT, Fflags: unix.NOTE_EXIT}}
	event := make([]unix.Kevent_t, 1)
	for {
		_, err := unix.Kevent(kq, change, event, nil)
		if err != unix.EINTR {
			return
		}
	}
}

// identify returns what tells process pid from any other that ever had its number.
func identify(pid int) (identity, error) {
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return identity{}, fmt.Errorf("identify process: %w", err)
	}
	boot, err := unix.SysctlTimeval("kern.boottime")
	if err != nil {
		return identity{}, fmt.Errorf("identify process: %w", err)
	}
	at := info.Proc.P_starttime
	name := unix.ByteSliceToString(info.Proc.P_comm[:])
	return identity{PID: pid, Started: fmt.Sprintf("%d.%06d", at.Sec, at.Usec), Boot: fmt.Sprint(boot.Sec), Exe: name}, nil
}

// groupMembers is not known here.
func groupMembers(int) []identity { return nil }

// frozen reports whether pid is stopped by a signal.
func frozen(pid int) bool {
	const stopped = 4 // SSTOP of sys/proc.h
	info, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	return err == nil && info.Proc.P_stat == stopped
}

// runningImage is not available here.
func runningImage(int) (*os.File, error) { return nil, errors.ErrUnsupported }
