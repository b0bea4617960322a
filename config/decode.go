package config

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
)

// place is where a value was set: a file with line and column, a variable or a flag.
type place struct {
	file      string
	line, col int
}

// decoder fills settings from nodes, and notes the place of each key and all mistakes.
type decoder struct {
	file   string
	places map[string]place
	bad    Mistakes
	// visits counts decoded values; aliases could multiply them.
	visits int
}

func (d *decoder) say(at place, key, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if key != "" {
		text = key + " " + text
	}
	d.bad = append(d.bad, Mistake{File: at.file, Line: at.line, Col: at.col, Key: key, Text: text})
}

// value sets v, which stands under key, from n.
func (d *decoder) value(v reflect.Value, n *node, key string, f field, at place) {
	if d.visits++; d.visits > maxNodes {
		if d.visits == maxNodes+1 {
			d.say(at, key, "makes the file hold more than %d values: aliases multiply them", maxNodes)
		}
		return
	}
	d.places[key] = at
	if n.kind == brokenNode {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.section(v, n, key, at)
	case reflect.Slice:
		d.list(v, n, key, f, at)
	case reflect.Map:
		d.table(v, n, key, f, at)
	default:
		d.scalar(v, n, key, f, at)
	}
}

func (d *decoder) section(v reflect.Value, n *node, key string, at place) {
	if n.kind == nullNode || n.kind == brokenNode {
		return
	}
	if n.kind != mapNode {
		d.say(at, key, "is %s, want a section with keys of its own", shownNode(n))
		return
	}
	known := fields(v.Type())
	for _, e := range n.entries {
		place := place{d.file, e.line, e.col}
		f, ok := find(known, e.key)
		if !ok && d.secretFromEnv(v, known, e, key, place) {
			continue
		}
		if !ok {
			d.unknown(place, join(key, e.key), e.key, names(known))
			continue
		}
		d.value(v.FieldByIndex(f.index), e.value, join(key, e.key), f, place)
	}
}

func find(known []field, name string) (field, bool) {
	for _, f := range known {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

func (d *decoder) unknown(at place, key, name string, siblings []string) {
	switch better := nearest(name, siblings); {
	case slices.Contains(siblings, name+"_file"):
		d.say(at, key, "is not a setting; did you mean %s_file, which names a file that holds it?", name)
	case better != "":
		d.say(at, key, "is not a setting; did you mean %s?", better)
	default:
		if elsewhere := elsewhere(name); elsewhere != "" {
			d.say(at, key, "is not a setting; did you mean %s?", elsewhere)
			return
		}
		d.say(at, key, "is not a setting")
	}
}

func (d *decoder) list(v reflect.Value, n *node, key string, f field, at place) {
	if n.kind != listNode {
		d.say(at, key, "is %s, want a list such as [a, b]; [] for none", shownNode(n))
		return
	}
	list := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
	for i, item := range n.items {
		d.value(list.Index(i), item, key+"["+strconv.Itoa(i)+"]", f, place{d.file, item.line, item.col})
	}
	v.Set(list)
}

func (d *decoder) table(v reflect.Value, n *node, key string, f field, at place) {
	if n.kind == nullNode {
		return
	}
	if n.kind != mapNode {
		d.say(at, key, "is %s, want names with a value each", shownNode(n))
		return
	}
	table := reflect.MakeMap(v.Type())
	for _, e := range n.entries {
		one := reflect.New(v.Type().Elem()).Elem()
		d.value(one, e.value, join(key, e.key), f, place{d.file, e.line, e.col})
		table.SetMapIndex(reflect.ValueOf(e.key), one)
	}
	v.Set(table)
}

func (d *decoder) scalar(v reflect.Value, n *node, key string, f field, at place) {
	switch {
	case n.kind == nullNode && v.Kind() == reflect.String:
		d.say(at, key, `has no value; write "" for none, or take the line out`)
	case n.kind == nullNode:
		d.say(at, key, "has no value; take the line out for the default")
	case n.kind != scalarNode:
		d.say(at, key, "is %s, want one value", shownNode(n))
	default:
		if err := setScalar(v, n.text, f.unit); err != nil {
			d.say(at, key, "%v", err)
		}
	}
}

// setScalar sets v from text; the error begins with "is".
func setScalar(v reflect.Value, text, unit string) error {
	switch {
	case v.Type() == durationType:
		n, err := parseDuration(text)
		v.SetInt(int64(n))
		return err
	case unit == "bytes":
		n, err := parseSize(text)
		v.SetInt(n)
		return err
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		return nil
	case reflect.Bool:
		if text != "true" && text != "false" {
			return fmt.Errorf("is %s, want true or false", shown(text))
		}
		v.SetBool(text == "true")
		return nil
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return fmt.Errorf("is %s, want a number", shown(text))
		}
		v.SetFloat(n)
		return nil
	}
	return setInt(v, text)
}

func setInt(v reflect.Value, text string) error {
	bits := v.Type().Bits()
	if v.CanUint() {
		n, err := parseInt(text, 0, uint64(math.MaxUint64)>>(64-bits))
		if err == nil {
			v.SetUint(uint64(n))
		}
		return err
	}
	n, err := parseInt(text, math.MinInt64>>(64-bits), uint64(math.MaxInt64)>>(64-bits))
	if err == nil {
		v.SetInt(n)
	}
	return err
}

func shownNode(n *node) string {
	if n.kind == scalarNode {
		return shown(n.text)
	}
	return n.what()
}

func join(section, name string) string {
	if section == "" {
		return name
	}
	return section + "." + name
}
