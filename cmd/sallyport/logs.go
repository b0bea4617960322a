package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"

	"gopkg.in/natefinch/lumberjack.v2"

	"sallyport/config"
)

// logs are the program's log and the lines of requests, which go to the same place.
type logs struct {
	logger *slog.Logger
	// access takes a JSON line a request; nil where a person reads along.
	access io.Writer
	file   io.Closer
	// level is the least severity written; it may be set at any time.
	level *slog.LevelVar
}

// openLogs opens what s describes; without a file it is errOut.
func openLogs(s config.Log, errOut io.Writer) logs {
	w := io.Writer(&lines{w: errOut})
	l := logs{access: w, file: io.NopCloser(nil), level: &slog.LevelVar{}}
	l.level.Set(level(s.Level))
	if s.File != "" {
		// lumberjack counts in MiB; what is below one is one.
		file := &lumberjack.Logger{Filename: s.File, MaxSize: int(max(1, s.Rotate.Size>>20)), MaxBackups: s.Rotate.Keep}
		kept := &orElse{file: file, otherwise: w}
		w, l.access, l.file = kept, kept, file
	}
	options := &slog.HandlerOptions{Level: l.level}
	if s.Format == "text" || s.Format == "auto" && s.File == "" && terminal(errOut) {
		l.logger, l.access = slog.New(slog.NewTextHandler(w, options)), nil
		return l
	}
	l.logger = slog.New(slog.NewJSONHandler(w, options))
	return l
}

// orElse writes lines to a file, and to otherwise while the file takes none: a folder that is not there, a full disk.
type orElse struct {
	file, otherwise io.Writer
	told            sync.Once
}

func (o *orElse) Write(line []byte) (int, error) {
	n, err := o.file.Write(line)
	if err == nil {
		return n, nil
	}
	o.told.Do(func() {
		fmt.Fprintf(o.otherwise, "sallyport: log.file cannot be written, so its lines come here: %v\n", err)
	})
	return o.otherwise.Write(line)
}

// lines writes whole lines of several goroutines one after the other.
type lines struct {
	mu sync.Mutex // guards w
	w  io.Writer
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(line)
}

func level(name string) slog.Level {
	var l slog.Level
	if err := l.UnmarshalText([]byte(name)); err != nil {
		return slog.LevelInfo // the settings were checked; this is their default
	}
	return l
}

// terminal reports whether w is a terminal.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	st, err := f.Stat()
	return err == nil && st.Mode()&os.ModeCharDevice != 0
}
