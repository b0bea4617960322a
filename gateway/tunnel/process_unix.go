//go:build unix

package tunnel

import (
	"os"
	"syscall"
)

// group is the process group of a child; the child leads it.
type group struct{ id int }

func newGroup(pid int) group { return group{id: pid} }

// terminate asks the group to end. A process that is stopped by a signal acts on it once it continues.
func (g group) terminate() {
	_ = syscall.Kill(-g.id, syscall.SIGTERM) // it may have ended already
	_ = syscall.Kill(-g.id, syscall.SIGCONT)
}

func (g group) kill()  { _ = syscall.Kill(-g.id, syscall.SIGKILL) }
func (g group) close() {}

// askToEnd asks p to end, with its group where it leads one.
func askToEnd(p *os.Process) {
	_ = p.Signal(syscall.SIGTERM) // it may have ended already
	_ = p.Signal(syscall.SIGCONT)
	if leads(p.Pid) {
		group{p.Pid}.terminate()
	}
}

// endNow kills p, with its group where it leads one.
func endNow(p *os.Process) {
	if leads(p.Pid) {
		group{p.Pid}.kill()
	}
	_ = p.Kill()
}

func leads(pid int) bool {
	id, err := syscall.Getpgid(pid)
	return err == nil && id == pid
}

// exitCode is the exit code of an ended process, 128+n for signal n.
func exitCode(s *os.ProcessState, err error) int {
	if s == nil {
		return -1
	}
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return s.ExitCode()
}

// lockFile takes the exclusive lock of f without waiting.
func lockFile(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }
