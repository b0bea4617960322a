package config

import (
	"fmt"
	"io"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Value is one effective setting.
type Value struct {
	// Key is the whole key; Value its text as a file would say it, with secrets and passwords in URLs hidden.
	Key    string `json:"key"`
	Value  string `json:"value"`
	Origin string `json:"origin"`
}

// Explain returns every effective setting in order of the file.
func (c Config) Explain() []Value {
	var all []Value
	for _, s := range settings(reflect.ValueOf(&c).Elem(), "") {
		if !s.section() {
			all = append(all, Value{Key: asEnv(s.key, s.value), Value: s.shown(), Origin: c.Origin(s.key)})
		}
	}
	return all
}

// Setting returns the effective setting key, false where there is none. Of an item of a list or map, such as
// http.rate_limit.policies[0], it returns the value of the whole and, where the item has one, the place of the item.
func (c Config) Setting(key string) (Value, bool) {
	whole, _, _ := strings.Cut(key, "[")
	for _, s := range settings(reflect.ValueOf(&c).Elem(), "") {
		if s.key != whole || s.section() && s.value.NumField() == 0 {
			continue
		}
		v := Value{Key: key, Origin: c.Origin(key)}
		if !s.section() {
			v.Value = s.shown()
		}
		if v.Origin == fromDefault {
			v.Origin = c.Origin(whole)
		}
		return v, true
	}
	return Value{}, false
}

// Change is one setting that differs between two configurations.
type Change struct {
	Key string `json:"key"`
	Old string `json:"old"`
	New string `json:"new"`
}

// Diff returns what changes from c to next, in order of the file and redacted like Explain.
func (c Config) Diff(next Config) []Change {
	var all []Change
	now := c.Explain()
	for i, v := range next.Explain() {
		if v.Value != now[i].Value || v.Key != now[i].Key {
			all = append(all, Change{Key: v.Key, Old: now[i].Value, New: v.Value})
		}
	}
	return all
}

// Print writes the effective settings as a settings file; with origins each line tells where its value came from.
func (c Config) Print(w io.Writer, origins bool) error {
	var out strings.Builder
	for _, s := range settings(reflect.ValueOf(&c).Elem(), "") {
		line := strings.Repeat("  ", strings.Count(s.key, ".")) + asEnv(s.name, s.value) + ":"
		if !s.section() {
			line += " " + s.shown()
		}
		if origins && !s.section() {
			line = fmt.Sprintf("%-52s # %s", line, c.Origin(s.key))
		}
		out.WriteString(line + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// asEnv is key, a *_file setting whose secret stands in a variable as the *_env that it was.
func asEnv(key string, v reflect.Value) string {
	if before, isFile := strings.CutSuffix(key, "_file"); isFile && v.Kind() == reflect.String && fromEnv(v.String()) {
		return before + "_env"
	}
	return key
}

// shown is the value as YAML on one line.
func (s setting) shown() string {
	if s.secret && s.value.Kind() == reflect.Slice {
		return namesOnly(s.value)
	}
	if s.secret && !s.value.IsZero() {
		return `"***"`
	}
	if s.name == "heartbeat_url" {
		return quoted(hostOnly(s.value.String()))
	}
	return yamlText(s.value, s.unit)
}

// namesOnly is a list of NAME=value without the values.
func namesOnly(v reflect.Value) string {
	items := make([]string, v.Len())
	for i := range items {
		name, _, _ := strings.Cut(v.Index(i).String(), "=")
		items[i] = strconv.Quote(name + "=***")
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func yamlText(v reflect.Value, unit string) string {
	switch {
	case v.Type() == durationType:
		return formatDuration(time.Duration(v.Int()))
	case unit == "bytes" && v.CanInt():
		return formatSize(v.Int())
	}
	switch v.Kind() {
	case reflect.String:
		return quoted(redacted(strings.TrimPrefix(v.String(), envMark)))
	case reflect.Slice:
		items := make([]string, v.Len())
		for i := range items {
			items[i] = yamlText(v.Index(i), unit)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Map:
		return mapText(v, unit)
	case reflect.Struct:
		var items []string
		for _, f := range fields(v.Type()) {
			if inner := (setting{field: f, value: v.FieldByIndex(f.index)}); !inner.value.IsZero() {
				items = append(items, asEnv(f.name, inner.value)+": "+inner.shown())
			}
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	return fmt.Sprint(v)
}

func mapText(v reflect.Value, unit string) string {
	var items []string
	for _, k := range v.MapKeys() {
		items = append(items, quoted(k.String())+": "+yamlText(v.MapIndex(k), unit))
	}
	slices.Sort(items)
	return "{" + strings.Join(items, ", ") + "}"
}

// redacted hides what a URL carries in its userinfo, query and fragment.
func redacted(text string) string {
	if !strings.Contains(text, "://") {
		return text
	}
	u, err := url.Parse(text)
	if err != nil {
		return "***"
	}
	if u.User != nil {
		u.User = url.User("***")
	}
	if u.RawQuery != "" {
		u.RawQuery = "***"
	}
	if u.Fragment != "" {
		u.Fragment = "***"
	}
	return strings.ReplaceAll(u.String(), "%2A%2A%2A", "***")
}

// hostOnly hides a URL's path: that of a dead man's switch is its password.
func hostOnly(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return strings.Repeat("*", min(3, len(text)))
	}
	return u.Scheme + "://" + u.Host + "/***"
}

// quoted is text as a YAML scalar that reads back as the same text.
func quoted(text string) string {
	if plainText(text) {
		return text
	}
	return strconv.Quote(text)
}

// plainText reports a text that YAML reads as a string without quotes.
func plainText(text string) bool {
	if text == "" || wholeNumber.MatchString(text) || strings.Contains(text, ": ") || strings.HasSuffix(text, ":") {
		return false
	}
	if slices.Contains([]string{"true", "false", "null", "on", "off", "yes", "no", "~"}, strings.ToLower(text)) {
		return false
	}
	first := text[0]
	if !(first >= 'a' && first <= 'z' || first >= 'A' && first <= 'Z' || first == '/' || first >= '0' && first <= '9') {
		return false
	}
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`,[]{}#&*!|>'"%@`+"`", r) })
}
