package tunnel

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// executedByNumber is not available here: the executable is checked before and named by its path.
const executedByNumber = ""

// attributes lets a child get its own console group, so that it can be asked to stop without stopping us.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP, HideWindow: true}
}

// group is a job object that holds the child and all it starts, and ends them when its last handle is closed: with us.
type group struct {
	pid uint32
	job windows.Handle // 0 where none could be made
}

func newGroup(pid int) group {
	g := group{pid: uint32(pid)}
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return g
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE},
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	if err == nil {
		err = g.join(job)
	}
	if err != nil {
		_ = windows.CloseHandle(job)
		return g
	}
	g.job = job
	return g
}

// join puts the process into job.
func (g group) join(job windows.Handle) error {
	h, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE, false, g.pid)
	if err != nil {
		return err
	}
	defer func() { _ = windows.CloseHandle(h) }()
	return windows.AssignProcessToJobObject(job, h)
}

// terminate sends Ctrl+Break to the group, which cloudflared takes as a wish to stop. A service has no console to send it through: there the
// group is ended at once, since a wait would be for nothing.
func (g group) terminate() {
	if windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, g.pid) != nil {
		g.kill()
	}
}

// kill ends the job, or the process alone where there is no job.
func (g group) kill() {
	if g.job != 0 {
		_ = windows.TerminateJobObject(g.job, 137)
		return
	}
	h, err := windows.OpenProcess(windows.PROCESS_TERMINATE, false, g.pid)
	if err == nil {
		_ = windows.TerminateProcess(h, 137)
		_ = windows.CloseHandle(h)
	}
}

func (g group) close() {
	if g.job != 0 {
		_ = windows.CloseHandle(g.job)
	}
}

// awaitEnd waits on the process, which stays ours until its handle is closed.
func awaitEnd(pid int) {
	h, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(pid))
	if err != nil {
		return
	}
	defer func() { _ = windows.CloseHandle(h) }()
	_, _ = windows.WaitForSingleObject(h, windows.INFINITE)
}

// askToEnd does nothing: a process of another console cannot be asked.
func askToEnd(*os.Process) {}

// endNow ends p.
func endNow(p *os.Process) { _ = p.Kill() }

func exitCode(s *os.ProcessState, _ error) int {
	if s == nil {
		return -1
	}
	return s.ExitCode()
}

// identify returns what tells process pid from any other that ever had its number. Creation times are absolute, so the
// boot needs no name of its own.
func identify(pid int) (identity, error) {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return identity{}, fmt.Errorf("identify process: %w", err)
	}
	defer func() { _ = windows.CloseHandle(h) }()
	var created, exit, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(h, &created, &exit, &kernel, &user); err != nil {
		return identity{}, fmt.Errorf("identify process: %w", err)
	}
	var name [windows.MAX_LONG_PATH]uint16
	size := uint32(len(name))
	if err := windows.QueryFullProcessImageName(h, 0, &name[0], &size); err != nil {
		return identity{}, fmt.Errorf("identify process: %w", err)
	}
	return identity{PID: pid, Started: strconv.FormatInt(created.Nanoseconds(), 10), Boot: "windows", Exe: windows.UTF16ToString(name[:size])}, nil
}

// groupMembers is nil: the job object ends them with us.
func groupMembers(int) []identity { return nil }

// frozen is not known here.
func frozen(int) bool { return false }

// runningImage opens the executable's file, which Windows keeps from being changed while it runs.
func runningImage(pid int) (*os.File, error) {
	id, err := identify(pid)
	if err != nil {
		return nil, err
	}
	return os.Open(id.Exe)
}

// lockFile takes the exclusive lock of f without waiting.
func lockFile(f *os.File) error {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	return windows.LockFileEx(windows.Handle(f.Fd()), flags, 0, 1, 0, &windows.Overlapped{})
}
