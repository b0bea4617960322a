package screen

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
)

// Log lines of PostgreSQL (log_statement, log_min_duration_statement) that hold a statement, after whatever log_line_prefix put before:
// https://www.postgresql.org/docs/current/runtime-config-logging.html.
var (
	logLine  = regexp.MustCompile(`^(?:.*?\b)?[A-Z]{3,7}\d?: {1,2}`)
	logEntry = regexp.MustCompile(`^(?:duration: [\d.]+ ms\s+)?(?:statement|(?:execute|parse|bind) [^:]*): `)
	csvLine  = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[^,\n]*,("[^"\n]*")?[^,\n]*,`)
)

const (
	// maxStatements is the most that is read of a file of statements or a line of a log, bytes.
	maxStatements = 64 << 20
	csvMessage    = 13 // the column of csvlog with the message
)

// EachStatement calls f for each statement of a file: SQL text with semicolons, or a log of PostgreSQL as text, csvlog or jsonlog.
func EachStatement(r io.Reader, f func(sql string)) error {
	in := bufio.NewReaderSize(r, 64<<10)
	head, err := in.Peek(32 << 10)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read statements: %w", err)
	}
	switch {
	case bytes.HasPrefix(head, []byte(`{"timestamp"`)):
		err = eachJSON(in, f)
	case csvLine.Match(head):
		err = eachCSV(in, f)
	case isLog(head):
		err = eachLogged(in, f)
	default:
		err = eachWritten(in, f)
	}
	if err != nil {
		return fmt.Errorf("read statements: %w", err)
	}
	return nil
}

// isLog reports that a line of head is one of a log with a statement.
func isLog(head []byte) bool {
	for line := range bytes.Lines(head) {
		if at := logLine.FindIndex(line); at != nil && logEntry.Match(line[at[1]:]) {
			return true
		}
	}
	return false
}

// logged calls f where message is that of a statement.
func logged(message string, f func(string)) {
	if at := logEntry.FindStringIndex(message); at != nil {
		f(message[at[1]:])
	}
}

func eachJSON(r io.Reader, f func(string)) error {
	in := json.NewDecoder(r)
	for {
		var line struct{ Message string }
		if err := in.Decode(&line); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		logged(line.Message, f)
	}
}

func eachCSV(r io.Reader, f func(string)) error {
	in := csv.NewReader(r)
	in.FieldsPerRecord, in.ReuseRecord = -1, true
	for {
		line, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(line) > csvMessage {
			logged(line[csvMessage], f)
		}
	}
}

// eachLogged reads a log as text: a tab begins the further lines of a message.
func eachLogged(r io.Reader, f func(string)) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxStatements)
	var message []byte
	for lines.Scan() {
		line := lines.Bytes()
		if len(line) > 0 && line[0] == '\t' && len(message) > 0 {
			message = append(append(message, '\n'), line[1:]...)
			continue
		}
		logged(string(message), f)
		message = message[:0]
		if at := logLine.FindIndex(line); at != nil {
			message = append(message, line[at[1]:]...)
		}
	}
	logged(string(message), f)
	return lines.Err()
}

// eachWritten reads SQL text; a semicolon ends a statement, one in a literal, a comment or brackets does not.
func eachWritten(r io.Reader, f func(string)) error {
	text, err := io.ReadAll(io.LimitReader(r, maxStatements+1))
	if err != nil {
		return err
	}
	if len(text) > maxStatements {
		return fmt.Errorf("more than %d MB of SQL text", maxStatements>>20)
	}
	s := ReadBytes(text, Options{})
	defer s.Release()
	begin, depth := 0, 0
	for i, t := range s.Tokens {
		if t.Kind != Punct {
			continue
		}
		switch text[t.Start] {
		case '(':
			depth++
		case ')':
			depth--
		case ';':
			if depth <= 0 {
				f(string(text[begin:t.Start]))
				begin, depth = int(s.Tokens[i].End), 0
			}
		}
	}
	f(string(text[begin:]))
	return nil
}
