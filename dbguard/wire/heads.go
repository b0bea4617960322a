package wire

import "strings"

// transactionDefaults are what SET SESSION CHARACTERISTICS AS TRANSACTION sets.
var transactionDefaults = []string{"default_transaction_isolation", "default_transaction_read_only", "default_transaction_deferrable"}

// head looks at the word that begins a statement, and at those after it where they matter.
func (r *markReader) head(w word) {
	switch w.text {
	case "set":
		r.setStatement()
	case "reset":
		r.resetStatement()
	case "listen":
		r.pin(pinListen)
	case "unlisten":
		r.free(pinListen)
	case "close":
		r.free(pinHold)
	case "drop":
		r.free(pinTemp)
	case "prepare":
		if r.peek() == "transaction" {
			r.commit()
		} else {
			r.pin(pinPrepare)
		}
	case "deallocate":
		r.deallocateStatement()
	case "discard":
		r.discardStatement()
	case "commit", "end":
		r.commit()
	default:
		r.within(w, "")
	}
}

func (r *markReader) commit() { r.marks.commit = true; r.found = true }

// peek is the text of the next word, which stays unread.
func (r *markReader) peek() string {
	ahead := r.words
	return ahead.next().text
}

// within looks at a word inside a statement; previous is the one before it.
func (r *markReader) within(w word, previous string) {
	switch w.text {
	case "temp", "temporary":
		switch previous {
		case "create", "local", "global", "into", "replace":
			r.pin(pinTemp)
		}
	case "hold":
		if previous == "with" {
			r.pin(pinHold)
		}
	case "set_config":
		r.setConfig()
	default:
		if strings.HasPrefix(w.text, "pg_") {
			r.function(w.text)
		}
	}
}

func (r *markReader) function(name string) {
	switch {
	case strings.HasPrefix(name, "pg_temp"):
		r.pin(pinTemp)
	case strings.HasPrefix(name, "pg_advisory_unlock"):
		r.free(pinLock)
	case strings.Contains(name, "advisory") && !strings.Contains(name, "xact"):
		r.pin(pinLock)
	}
}

// setStatement reads SET [SESSION | LOCAL] name {TO | =} value and its many spellings.
func (r *markReader) setStatement() {
	w := r.words.next()
	if w.text == "session" {
		w = r.words.next()
		switch w.text {
		case "characteristics":
			for _, name := range transactionDefaults {
				r.set(name)
			}
			return
		case "authorization":
			r.set("session_authorization")
			r.set("role")
			return
		}
	}
	switch w.text {
	case "local", "transaction", "constraints", "seed", "":
	case "time":
		r.set("timezone")
	case "names":
		r.set("client_encoding")
		r.encoding(r.words.next().text)
	case "schema":
		r.set("search_path")
	case "xml":
		r.set("xmloption")
	default:
		r.set(r.dotted(w.text))
		if w.text == "client_encoding" {
			r.words.next()
			r.encoding(r.words.next().text)
		}
	}
}

// dotted is the name that begins with first: "a" or "a.b".
func (r *markReader) dotted(first string) string {
	for {
		ahead := r.words
		if w := ahead.next(); w.kind != wordSymbol || w.symbol != '.' {
			return strings.ToLower(first)
		}
		first += "." + ahead.next().text
		r.words = ahead
	}
}

func (r *markReader) resetStatement() {
	switch w := r.words.next(); w.text {
	case "all":
		r.marks.resetAll, r.found = true, true
	case "session":
		r.set("session_authorization")
		r.set("role")
	case "time":
		r.set("timezone")
	default:
		r.set(r.dotted(w.text))
	}
}

func (r *markReader) deallocateStatement() {
	w, start := r.nextFrom()
	if w.text == "prepare" {
		w, start = r.nextFrom()
	}
	r.found = true
	r.marks.frees |= pinPrepare
	d := deallocation{statement: r.statements, start: start, end: r.words.at}
	if w.text == "all" && !w.exact {
		r.marks.deallocateAll = true
	} else {
		d.name = w.text
		if !w.exact {
			d.name = strings.ToLower(w.text)
		}
		r.marks.deallocate = d.name
	}
	if !r.nested {
		r.marks.deallocations = append(r.marks.deallocations, d)
	}
}

// nextFrom is the next word and where it starts.
func (r *markReader) nextFrom() (w word, start int) {
	r.words.space()
	start = r.words.at
	return r.words.next(), start
}

func (r *markReader) discardStatement() {
	switch r.words.next().text {
	case "all":
		r.marks.discardAll, r.found = true, true
	case "temp", "temporary":
		r.free(pinTemp)
	}
}

// setConfig reads the arguments of set_config: ('name', value, is_local).
func (r *markReader) setConfig() {
	ahead := r.words
	if w := ahead.next(); w.symbol != '(' {
		return
	}
	name := ahead.next()
	var last word
	for depth := 1; depth > 0; {
		w := ahead.next()
		switch {
		case w.kind == wordEnd || w.kind == wordSemicolon:
			depth = 0
		case w.symbol == '(':
			depth++
		case w.symbol == ')':
			depth--
		default:
			if name.text == "client_encoding" && w.kind == wordText {
				r.encoding(w.text)
			}
			last = w
		}
	}
	switch {
	case last.text == "true" || last.text == "t":
	case name.kind == wordText:
		r.set(strings.ToLower(name.text))
	default:
		r.anySetting()
	}
}

// encoding notes an encoding in which a byte of a letter may look like a quote, so that screening would read another text than
// the server: https://www.postgresql.org/docs/current/multibyte.html, "not supported as a server encoding".
func (r *markReader) encoding(name string) {
	if unsafeEncoding(name) {
		r.marks.encoding, r.found = name, true
	}
}

func unsafeEncoding(name string) bool {
	plain := strings.Map(func(c rune) rune {
		if c == '-' || c == '_' || c == ' ' {
			return -1
		}
		return c
	}, strings.ToLower(name))
	switch plain {
	case "big5", "win950", "windows950", "gbk", "win936", "windows936", "gb18030", "sjis", "mskanji", "shiftjis", "win932", "windows932",
		"shiftjis2004", "uhc", "win949", "windows949", "johab":
		return true
	}
	return false
}
