package preflight

import "golang.org/x/sys/windows"

// hasOwners is false: access lists say who may read a file here.
const hasOwners = false

// links is unknown.
func links(string) int { return -1 }

// space returns the free and total bytes of path's volume.
func space(path string) (free, total uint64, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, 0, err
	}
	err = windows.GetDiskFreeSpaceEx(name, &free, &total, nil)
	return free, total, err
}

// openFiles is unknown: there is no such limit.
func openFiles() uint64 { return 0 }
