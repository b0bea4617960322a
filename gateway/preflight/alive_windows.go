package preflight

import "golang.org/x/sys/windows"

// stillActive is the exit code of a process that runs.
const stillActive = 259

// alive reports a process that exists.
func alive(pid int) bool {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if err != nil {
		return err == windows.ERROR_ACCESS_DENIED
	}
	defer windows.CloseHandle(h) //nolint:errcheck // nothing was written
	var code uint32
	return windows.GetExitCodeProcess(h, &code) == nil && code == stillActive
}
