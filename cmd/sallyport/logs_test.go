package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/config"
)

func TestLogIsRotatedBySizeAndKeepsAsManyAsTold(t *testing.T) {
	dir := t.TempDir()
	l := openLogs(config.Log{Level: "info", Format: "auto", File: filepath.Join(dir, "shop.log"), Rotate: config.Rotate{Size: 1 << 20, Keep: 2}}, io.Discard)
	line := fmt.Sprintf(`{"msg":"request","path":"/%s"}`+"\n", strings.Repeat("x", 1000))
	for i := range 5000 { // some 5 MB
		if _, err := io.WriteString(l.access, line); err != nil {
			t.Fatal(err)
		}
		if i%1000 == 0 {
			l.logger.Info("beside the requests")
		}
	}
	if err := l.file.Close(); err != nil {
		t.Fatal(err)
	}
	var files []string
	for until := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) { // old files go in a goroutine
		files, _ = filepath.Glob(filepath.Join(dir, "shop*.log"))
		if len(files) == 3 || time.Now().After(until) {
			break
		}
	}
	if len(files) != 3 {
		t.Errorf("files: got %v, want the running one and two before it", files)
	}
	for _, name := range files {
		wholeLines(t, name)
	}
}

func TestLinesThatTheLogFileDoesNotTakeAreNotLost(t *testing.T) {
	inTheWay := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(inTheWay, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var errOut strings.Builder
	l := openLogs(config.Log{Level: "info", Format: "auto", File: filepath.Join(inTheWay, "shop.log"), Rotate: config.Rotate{Size: 1 << 20, Keep: 2}}, &errOut)
	l.logger.Info("first")
	l.logger.Info("second")
	got := errOut.String()
	if strings.Count(got, "sallyport: log.file cannot be written, so its lines come here: ") != 1 || !strings.Contains(got, `"msg":"first"`) || !strings.Contains(got, `"msg":"second"`) {
		t.Errorf("a file in a folder that is none: got\n%swant both lines here, and the reason once", got)
	}
}

// wholeLines wants a log file of at most a MiB whose lines are all JSON.
func wholeLines(t *testing.T, name string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || st.Size() > 1<<20 || st.Size() == 0 {
		t.Errorf("%s: got %v, %v; want at most 1 MiB", name, st.Size(), err)
	}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if !json.Valid(lines.Bytes()) {
			t.Fatalf("%s: %.80q is no whole line", name, lines.Text())
		}
	}
}
