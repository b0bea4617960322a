package config

import (
	"reflect"
	"strings"
	"time"
)

// field is one key of a section, found in a struct's tags.
type field struct {
	// name is the key within its section; doc one sentence; unit "bytes" or "".
	name, doc, unit string
	// secret values are never shown.
	secret bool
	index  []int
}

var durationType = reflect.TypeFor[time.Duration]()

// fields returns the keys of struct t in order, with those of inlined structs in their place.
func fields(t reflect.Type) []field {
	var all []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() || name == "-":
		case option == "inline":
			for _, inner := range fields(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				all = append(all, inner)
			}
		default:
			all = append(all, field{name: name, doc: f.Tag.Get("doc"), unit: f.Tag.Get("unit"), secret: f.Tag.Get("secret") == "true", index: []int{i}})
		}
	}
	return all
}

// names returns the keys of a section, in order.
func names(fs []field) []string {
	all := make([]string, len(fs))
	for i, f := range fs {
		all[i] = f.name
	}
	return all
}

// setting is one key of the whole file with its present value.
type setting struct {
	field
	// key is the whole key, such as database.pool.max.
	key   string
	value reflect.Value
}

// section reports a setting that holds further keys.
func (s setting) section() bool { return s.value.Kind() == reflect.Struct }

// settings returns every key below struct v in order of the file; sections stand before what they hold. Items of lists and maps
// are not entered.
func settings(v reflect.Value, prefix string) []setting {
	var all []setting
	for _, f := range fields(v.Type()) {
		s := setting{field: f, key: prefix + f.name, value: v.FieldByIndex(f.index)}
		all = append(all, s)
		if s.section() {
			all = append(all, settings(s.value, s.key+".")...)
		}
	}
	return all
}

// plain reports a setting that one text can hold: everything but sections, lists of sections and maps.
func (s setting) plain() bool {
	switch s.value.Kind() {
	case reflect.Struct, reflect.Map:
		return false
	case reflect.Slice:
		return s.value.Type().Elem().Kind() == reflect.String
	}
	return true
}
