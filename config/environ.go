package config

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
)

const envPrefix = "SALLYPORT_"

// notOurs are variables that carry the prefix but no setting: SALLYPORT_CONFIG is read by the command line, SALLYPORT_TEST_*
// by tests, and Kubernetes makes the rest for a Service named sallyport.
var notOurs = regexp.MustCompile(`^SALLYPORT_(CONFIG$|TEST_|(.*_)?SERVICE_(HOST|PORT)|(.*_)?PORT(_[0-9]+_(TCP|UDP).*)?$)`)

// envName is the variable of a setting: http.rate_limit.per is SALLYPORT_HTTP_RATE_LIMIT_PER.
func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// environment sets v's settings from variables; an unknown one with our prefix is a mistake.
func (d *decoder) environment(v reflect.Value, environ []string) {
	known := map[string]setting{}
	for _, s := range settings(v, "") {
		known[envName(s.key)] = s
	}
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) {
			continue
		}
		s, ok := known[name]
		if file, isFile := known[fileKey(name)]; !ok && isFile {
			d.envSecret(file.value, value, file.key, place{file: name})
			continue
		}
		switch {
		case ok && s.plain():
			d.text(s, value, place{file: name})
		case ok:
			d.bad = append(d.bad, Mistake{File: name, Key: s.key, Text: s.key + " holds further settings; set it in the file"})
		case !notOurs.MatchString(name):
			d.bad = append(d.bad, Mistake{File: name, Text: "names no setting" + orNear(name, known)})
		}
	}
}

func orNear(name string, known map[string]setting) string {
	if _, ok := known[name+"_FILE"]; ok {
		return "; did you mean " + name + "_FILE, which names a file that holds it?"
	}
	var all []string
	for n, s := range known {
		if s.plain() {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	if near := nearest(name, all); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// flags sets v's settings from the command line.
func (d *decoder) flags(v reflect.Value, flags []Flag) {
	known := settings(v, "")
	keys := make([]string, len(known))
	for i, s := range known {
		keys[i] = s.key
	}
	for _, f := range flags {
		i := slices.Index(keys, f.Key)
		if file := slices.Index(keys, fileKey(f.Key)); i < 0 && file >= 0 {
			d.envSecret(known[file].value, f.Value, known[file].key, place{file: f.Name})
			continue
		}
		switch {
		case i < 0 && nearest(f.Key, keys) != "":
			d.bad = append(d.bad, Mistake{File: f.Name, Text: f.Key + " is not a setting; did you mean " + nearest(f.Key, keys) + "?"})
		case i < 0:
			d.bad = append(d.bad, Mistake{File: f.Name, Text: f.Key + " is not a setting"})
		case !known[i].plain():
			d.bad = append(d.bad, Mistake{File: f.Name, Key: f.Key, Text: f.Key + " holds further settings; set it in the file"})
		default:
			d.text(known[i], f.Value, place{file: f.Name})
		}
	}
}

// text sets s from one text; a list is written with commas.
func (d *decoder) text(s setting, text string, at place) {
	d.places[s.key] = at
	if s.value.Kind() == reflect.Slice {
		var items []string
		for item := range strings.SplitSeq(text, ",") {
			if item = strings.TrimSpace(item); item != "" {
				items = append(items, item)
			}
		}
		s.value.Set(reflect.ValueOf(items).Convert(s.value.Type()))
		return
	}
	if err := setScalar(s.value, text, s.unit); err != nil {
		d.say(at, s.key, "%v", err)
	}
}

func lookup(environ []string) map[string]string {
	all := make(map[string]string, len(environ))
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		all[name] = value
	}
	return all
}
