//go:build unix

package preflight

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// hasOwners tells that files have the permission bits of Unix.
const hasOwners = true

// links is how many names a file has, 0 where it was deleted or replaced while mounted; -1 where unknown.
func links(path string) int {
	st, err := os.Stat(path)
	if err != nil {
		return -1
	}
	sys, isUnix := st.Sys().(*syscall.Stat_t)
	if !isUnix {
		return -1
	}
	return int(sys.Nlink)
}

// space returns the free and total bytes of path's file system.
func space(path string) (free, total uint64, err error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return 0, 0, err
	}
	return uint64(st.Bavail) * uint64(st.Bsize), uint64(st.Blocks) * uint64(st.Bsize), nil
}

// openFiles is how many files this process may open, 0 where unknown.
func openFiles() uint64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return uint64(limit.Cur)
}
