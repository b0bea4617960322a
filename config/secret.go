package config

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// maxSecret bounds a secret file, bytes.
const maxSecret = 64 << 10

// SecretRef names a secret without holding it: one of File and Env is set.
type SecretRef struct{ Key, File, Env string }

// Secret returns the secret that a *_file or *_env setting names, without line ends at its end; "" where both are "".
// The error never holds the secret. Files are read each time, so that a rotated secret counts after a reload.
func (c Config) Secret(file, env string) (string, error) {
	switch {
	case file != "":
		text, err := readFile(file, maxSecret)
		if err == nil && len(strings.TrimSpace(string(text))) == 0 {
			err = fmt.Errorf("%s is empty", file)
		}
		return strings.TrimRight(string(text), "\r\n"), err
	case env != "":
		value := lookup(c.environ())[env]
		if value == "" {
			return "", fmt.Errorf("the variable %s is not set", env)
		}
		return value, nil
	}
	return "", nil
}

// Secrets returns every secret that the settings name, in order of the file.
func (c Config) Secrets() []SecretRef {
	var all []SecretRef
	for _, s := range settings(reflect.ValueOf(&c).Elem(), "") {
		all = append(all, secretsIn(s)...)
	}
	return all
}

func secretsIn(s setting) []SecretRef {
	switch s.value.Kind() {
	case reflect.Slice:
		var all []SecretRef
		for i := range s.value.Len() {
			if item := s.value.Index(i); item.Kind() == reflect.Struct {
				for _, inner := range settings(item, s.key+"["+strconv.Itoa(i)+"].") {
					all = append(all, secretsIn(inner)...)
				}
			}
		}
		return all
	case reflect.String:
		switch text := s.value.String(); {
		case text == "":
		case strings.HasSuffix(s.name, "_file"):
			return []SecretRef{{Key: s.key, File: text}}
		case strings.HasSuffix(s.name, "_env"):
			return []SecretRef{{Key: s.key, Env: text}}
		}
	}
	return nil
}
