package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
)

// filePaths are the settings that name a file or folder of ours; secrets (*_file) are told by their name.
var filePaths = map[string]bool{"path": true, "file": true, "files": true, "dir": true, "state": true, "queue": true}

// resolve makes the relative paths in v absolute. A secret is looked for in $CREDENTIALS_DIRECTORY and /run/secrets first, and
// where systemd hands over a credential named like a secret's file, that counts wherever the file lies: its user cannot read
// the file itself. Everything else is relative to the settings file.
func resolve(v reflect.Value, name, home string, env map[string]string) {
	switch v.Kind() {
	case reflect.String:
		secret := strings.HasSuffix(name, "_file")
		if v.String() == "" || fromEnv(v.String()) || !secret && !filePaths[name] {
			return
		}
		if dir := env["CREDENTIALS_DIRECTORY"]; secret && dir != "" && exists(filepath.Join(dir, filepath.Base(v.String()))) {
			v.SetString(filepath.Join(dir, filepath.Base(v.String())))
		} else if !filepath.IsAbs(v.String()) {
			v.SetString(absolute(v.String(), secret, home))
		}
	case reflect.Slice:
		for i := range v.Len() {
			resolveItem(v.Index(i), name, home, env)
		}
	}
}

func resolveItem(v reflect.Value, name, home string, env map[string]string) {
	if v.Kind() != reflect.Struct {
		resolve(v, name, home, env)
		return
	}
	for _, f := range fields(v.Type()) {
		resolve(v.FieldByIndex(f.index), f.name, home, env)
	}
}

func absolute(path string, secret bool, home string) string {
	if full := filepath.Join("/run/secrets", path); secret && exists(full) {
		return full
	}
	full, err := filepath.Abs(filepath.Join(home, path))
	if err != nil {
		return path
	}
	return full
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
