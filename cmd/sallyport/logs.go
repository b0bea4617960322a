package main

import (
	"io"
	"log/slog"
	"os"

	"gopkg.in/natefinch/lumberjack.v2"

	"sallyport/config"
)

// openLog returns the program's logger and what closes its file. Without a file it writes to errOut.
func openLog(s config.Log, errOut io.Writer) (*slog.Logger, io.Closer) {
	w, closer := errOut, io.Closer(io.NopCloser(nil))
	if s.File != "" {
		// lumberjack counts in MiB; what is below one is one.
		file := &lumberjack.Logger{Filename: s.File, MaxSize: int(max(1, s.Rotate.Size>>20)), MaxBackups: s.Rotate.Keep}
		w, closer = file, file
	}
	options := &slog.HandlerOptions{Level: level(s.Level)}
	if s.Format == "text" || s.Format == "auto" && s.File == "" && terminal(errOut) {
		return slog.New(slog.NewTextHandler(w, options)), closer
	}
	return slog.New(slog.NewJSONHandler(w, options)), closer
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
