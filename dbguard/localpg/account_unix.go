//go:build unix

package localpg

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"runtime"
	"strconv"
	"syscall"
)

// account is who the server runs as; nil credential means this process's own user.
type account struct{ credential *syscall.Credential }

// serverAccount is our own user, and as root, whom PostgreSQL refuses, an unprivileged one.
func serverAccount() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if errUID == nil && errGID == nil {
			return account{&syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
		}
	}
	return account{}, errors.New("localpg: PostgreSQL refuses to run as root and there is neither a user postgres nor nobody")
}

// own hands paths to the account.
func (a account) own(paths ...string) error {
	if a.credential == nil {
		return nil
	}
	for _, p := range paths {
		if err := os.Chown(p, int(a.credential.Uid), int(a.credential.Gid)); err != nil {
			return err
		}
	}
	return nil
}

// attributes make the child leader of its own process group, so that a Ctrl-C at our terminal does not reach it before we end it.
func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Credential: a.credential}
	endWithParent(attr)
	return attr
}

// runFromThread is cmd.Run on a thread of its own until cmd ends; see host.
func (a account) runFromThread(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return cmd.Run()
}

// endGroup ends p with the children it started, in order: a killed one would leave shared memory.
func endGroup(p *os.Process) error { return syscall.Kill(-p.Pid, syscall.SIGTERM) }

// fastShutdown is what pg_ctl stop -m fast sends.
func fastShutdown(p *os.Process) error { return p.Signal(syscall.SIGINT) }
