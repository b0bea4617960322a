package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"sallyport/config"
)

// How the program speaks: answers go to out, progress and complaints to errOut; one sentence says what is wrong, the next one
// what to do. No colours: a word says it everywhere.

// complain says what went wrong; nothing where err is nil.
func (p *program) complain(err error) {
	if err != nil {
		fmt.Fprintf(p.errOut, "sallyport: %v\n", err)
	}
}

func (p *program) sayMistakes(m config.Mistakes) {
	if p.json {
		p.answer("mistakes", struct {
			OK       bool            `json:"ok"`
			Mistakes config.Mistakes `json:"mistakes"`
		}{false, m})
		return
	}
	fmt.Fprintf(p.errOut, "%v\nsallyport: %s in the settings, nothing was changed\n", m, count(len(m), "mistake"))
}

// answer writes v as one JSON object that begins with its schema's name, sallyport.NAME/1.
func (p *program) answer(name string, v any) error {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	rest := strings.TrimPrefix(string(body), "{")
	comma := ","
	if strings.TrimSpace(rest) == "}" {
		comma, rest = "", "\n}"
	}
	_, err = fmt.Fprintf(p.out, "{\n  \"schema\": \"sallyport.%s/1\"%s%s\n", name, comma, rest)
	return err
}

// say writes one line of the answer.
func (p *program) say(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

// progress writes one line that is no answer.
func (p *program) progress(format string, args ...any) { fmt.Fprintf(p.errOut, format+"\n", args...) }

// table writes rows in columns.
func (p *program) table(rows [][]string) {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(w, strings.TrimRight(strings.Join(r, "\t"), "\t"))
	}
	w.Flush() //nolint:errcheck // as with the lines above, nobody is left to tell
}

// count is "1 mistake" or "3 mistakes".
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
