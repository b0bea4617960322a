package localpg

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// account is this process's own user; PostgreSQL gives up administrator rights by itself on Windows.
type account struct{}

func serverAccount() (account, error) { return account{}, nil }

func (account) own(...string) error { return nil }

func (account) attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func (account) runFromThread(cmd *exec.Cmd) error { return cmd.Run() }

func endGroup(p *os.Process) error { return p.Kill() }

// fastShutdown has no signal on Windows; the caller kills instead.
func fastShutdown(*os.Process) error { return errors.ErrUnsupported }

func removeSharedMemory(string) {}
