package config

import (
	"encoding/json"
	"reflect"
	"strings"
)

// schema is the part of JSON Schema (draft 2020-12) that the settings need.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Default     any                `json:"default,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	// Additional is false for sections, a schema for maps.
	Additional any `json:"additionalProperties,omitempty"`
}

const (
	durationPattern = `^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h|d|w))+)$`
	sizePattern     = `^(0|[0-9]+(\.[0-9]+)?(B|[kK]B|MB|GB|TB|KiB|MiB|GiB|TiB))$`
)

// Schema returns the JSON Schema of the settings file, for editors.
func Schema() []byte {
	d := Defaults()
	root := sectionSchema(reflect.ValueOf(&d).Elem())
	root.Schema = "https://json-schema.org/draft/2020-12/schema"
	root.Title = "Sallyport settings"
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("config: the settings' types have no schema: " + err.Error())
	}
	return append(text, '\n')
}

func sectionSchema(v reflect.Value) *schema {
	s := &schema{Type: "object", Properties: map[string]*schema{}, Additional: false}
	for _, f := range fields(v.Type()) {
		inner := valueSchema(v.FieldByIndex(f.index), f.unit)
		inner.Description = f.doc
		s.Properties[f.name] = inner
	}
	return s
}

func valueSchema(v reflect.Value, unit string) *schema {
	switch {
	case v.Type() == durationType:
		return &schema{Type: []string{"string", "integer"}, Pattern: durationPattern, Default: yamlText(v, unit)}
	case unit == "bytes":
		return &schema{Type: []string{"string", "integer"}, Pattern: sizePattern, Default: yamlText(v, unit)}
	}
	switch v.Kind() {
	case reflect.Struct:
		s := sectionSchema(v)
		s.Type = []string{"object", "null"}
		return s
	case reflect.Slice:
		return &schema{Type: "array", Items: valueSchema(reflect.New(v.Type().Elem()).Elem(), unit).bare(), Default: nonEmpty(v)}
	case reflect.Map:
		return &schema{Type: []string{"object", "null"}, Additional: valueSchema(reflect.New(v.Type().Elem()).Elem(), unit).bare()}
	case reflect.Bool:
		return &schema{Type: "boolean", Default: v.Bool()}
	case reflect.String:
		return &schema{Type: []string{"string", "number"}, Default: v.String()}
	case reflect.Float64:
		return &schema{Type: "number", Default: v.Float()}
	}
	return &schema{Type: "integer", Default: v.Interface()}
}

// bare is s without defaults: those of a list's items mean nothing.
func (s *schema) bare() *schema {
	s.Default = nil
	for _, p := range s.Properties {
		p.bare()
	}
	return s
}

func nonEmpty(v reflect.Value) any {
	if v.Len() == 0 || v.Type().Elem().Kind() != reflect.String {
		return nil
	}
	return v.Interface()
}

// Reference returns the reference page of all settings as Markdown.
func Reference() []byte {
	var out strings.Builder
	out.WriteString(referenceHead)
	d := Defaults()
	v := reflect.ValueOf(&d).Elem()
	referenceTable(&out, v, "")
	for _, s := range settings(v, "") {
		if s.section() {
			out.WriteString("\n## " + s.key + "\n\n" + s.doc + "\n\n")
			referenceTable(&out, s.value, s.key)
		}
	}
	return []byte(out.String())
}

const referenceHead = `# Settings

Made from the structs by ` + "`go test ./config -run Reference -update`" + `; do not edit.

Order: default < file < environment < flag. Each key can be a variable: ` + "`http.rate_limit.per` is `SALLYPORT_HTTP_RATE_LIMIT_PER`" + `,
lists with commas; lists of sections only stand in the file. Durations and sizes carry a unit: 30s, 15m, 12h, 7d; 512KB, 10MB, 1GiB.
A relative path is relative to the settings file; a secret's (` + "`*_file`" + `) is looked for in $CREDENTIALS_DIRECTORY and /run/secrets first.

`

// referenceTable writes the keys of section v; sections within have a heading of their own.
func referenceTable(out *strings.Builder, v reflect.Value, key string) {
	out.WriteString("| key | default | meaning |\n|---|---|---|\n")
	for _, f := range fields(v.Type()) {
		s := setting{field: f, key: join(key, f.name), value: v.FieldByIndex(f.index)}
		if s.section() {
			continue
		}
		out.WriteString("| `" + f.name + "` | `" + s.shown() + "` | " + f.doc + " |\n")
		referenceItems(out, s)
	}
}

// referenceItems writes the keys of a list's or map's items.
func referenceItems(out *strings.Builder, s setting) {
	if s.value.Kind() != reflect.Slice && s.value.Kind() != reflect.Map || s.value.Type().Elem().Kind() != reflect.Struct {
		return
	}
	for _, f := range fields(s.value.Type().Elem()) {
		out.WriteString("| `" + s.name + "[]." + f.name + "` | | " + f.doc + " |\n")
	}
}
