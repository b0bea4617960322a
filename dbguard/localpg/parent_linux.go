package localpg

import (
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// endWithParent lets the system send the child an immediate shutdown when this process dies, however it dies.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGQUIT }

// removeSharedMemory frees the small segment that a killed server leaves: the last number in its lock file, line 7, "key id".
func removeSharedMemory(lockFile string) {
	text, err := os.ReadFile(lockFile)
	if err != nil {
		return // a server that ended in order removed it
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) < 7 {
		return
	}
	fields := strings.Fields(lines[6])
	if len(fields) != 2 {
		return
	}
	if id, err := strconv.Atoi(fields[1]); err == nil {
		_, _ = unix.SysvShmCtl(id, unix.IPC_RMID, nil) // gone already is fine
	}
}
