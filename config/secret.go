package config

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"sallyport/dbguard/wire"
)

// maxSecret bounds a secret file, bytes.
const maxSecret = 64 << 10

// envMark stands before the name of a variable in a *_file setting that was given as *_env.
const envMark = "env:"

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func fromEnv(value string) bool { return strings.HasPrefix(value, envMark) }

// fileKey is the *_file key in whose place a *_env key (or variable) stands, "" where name is neither.
func fileKey(name string) string {
	if before, ok := strings.CutSuffix(name, "_env"); ok {
		return before + "_file"
	}
	if before, ok := strings.CutSuffix(name, "_ENV"); ok {
		return before + "_FILE"
	}
	return ""
}

// secretFromEnv takes "password_env: NAME" for "password_file"; it is false where e is no such key.
func (d *decoder) secretFromEnv(section reflect.Value, known []field, e entry, key string, at place) bool {
	f, ok := find(known, fileKey(e.key))
	if !ok {
		return false
	}
	whole := join(key, f.name)
	if e.value.kind != scalarNode {
		d.say(at, join(key, e.key), "is %s, want the name of a variable", shownNode(e.value))
		return true
	}
	if _, both := d.places[whole]; both {
		d.say(at, join(key, e.key), "is set beside %s, want one of them", f.name)
		return true
	}
	d.envSecret(section.FieldByIndex(f.index), e.value.text, whole, at)
	return true
}

// envSecret notes that the secret of the *_file setting v is in the variable name.
func (d *decoder) envSecret(v reflect.Value, name, key string, at place) {
	d.places[key] = at
	if !variableName.MatchString(name) {
		d.say(at, strings.TrimSuffix(key, "_file")+"_env", "is no name of a variable, want one such as DATABASE_URL; the secret itself stands in it")
		return
	}
	v.SetString(envMark + name)
}

// SecretRef names a secret without holding it.
type SecretRef struct {
	// Key is the setting; Source the path of a file, or "env:" with the name of a variable.
	Key, Source string
}

// Secret returns the secret that the value of a *_file setting names, without line ends at its end; "" where it is "".
// The error never holds the secret. Files are read each time, so that a rotated secret counts after a reload.
func (c Config) Secret(source string) (string, error) {
	if source == "" {
		return "", nil
	}
	if name, ok := strings.CutPrefix(source, envMark); ok {
		value := lookup(c.environ())[name]
		if value == "" {
			return "", fmt.Errorf("the variable %s is not set", name)
		}
		return value, nil
	}
	text, err := readFile(source, maxSecret)
	if err == nil && len(strings.TrimSpace(string(text))) == 0 {
		err = fmt.Errorf("%s is empty", source)
	}
	return strings.TrimRight(string(text), "\r\n"), err
}

// Secrets returns every secret that the settings name, in order of the file.
func (c Config) Secrets() []SecretRef {
	var all []SecretRef
	c.eachSecret(func(key string, v reflect.Value) error {
		all = append(all, SecretRef{Key: key, Source: v.String()})
		return nil
	})
	return all
}

// CheckSecrets returns Mistakes where a secret that the settings name cannot be read, or the database's is no URL that the door takes.
func (c Config) CheckSecrets() error {
	var bad Mistakes
	for _, s := range c.Secrets() {
		secret, err := c.Secret(s.Source)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			bad = append(bad, c.mistake(s.Key, "names "+s.Source+", which is no such file: write the secret there, for the user alone that runs sallyport (chmod 600)"))
		case errors.Is(err, fs.ErrPermission):
			bad = append(bad, c.mistake(s.Key, "names "+s.Source+", which this user may not read: give it to the user that runs sallyport (chown), or run as root and name it in LoadCredential"))
		case err != nil:
			bad = append(bad, c.mistake(s.Key, "cannot be read: "+err.Error()))
		case s.Key == "database.upstream_file":
			if err := wire.CheckUpstream(strings.TrimSpace(secret), c.Database.Listen); err != nil {
				bad = append(bad, c.mistake(s.Key, "names a secret that is not the database's URL as it must be: "+err.Error()))
			}
		}
	}
	if bad == nil {
		return nil
	}
	return bad
}

// secretItself finds what is a URL with its user where the path of a file is wanted; joining it to a folder takes one of its slashes.
var secretItself = regexp.MustCompile(`[a-z]{2,}:/.*@`)

// inlineSecrets are mistakes about *_file settings that hold the secret itself, which is not shown.
func (c *Config) inlineSecrets() Mistakes {
	var bad Mistakes
	for _, s := range c.Secrets() {
		if secretItself.MatchString(s.Source) {
			bad = append(bad, c.mistake(s.Key, "is the secret itself, want the path of a file that holds it"))
		}
	}
	return bad
}

// mistake is one about key, with its place where the settings were loaded.
func (c Config) mistake(key, text string) Mistake {
	if c.book == nil {
		return Mistake{Key: key, Text: key + " " + text}
	}
	return c.book.mistake(key, key+" "+text)
}

// SecretVariables are the variables of the environment in which the settings say that secrets stand: nothing for a child.
func (c Config) SecretVariables() []string {
	if c.book == nil {
		return nil
	}
	return c.book.variables
}

func (c *Config) secretVariables() []string {
	var all []string
	for _, s := range c.Secrets() {
		if name, ok := strings.CutPrefix(s.Source, envMark); ok {
			all = append(all, name)
		}
	}
	return all
}

// Materialize puts every secret that stands in a variable where a part can read it as a file: keep gets the setting's key and
// the secret, and returns the path. A database door without users gets the user and password of the database's URL, so that
// an app changes nothing but host and port.
func (c *Config) Materialize(keep func(key, secret string) (path string, err error)) error {
	if err := c.ownUser(keep); err != nil {
		return err
	}
	return c.eachSecret(func(key string, v reflect.Value) error {
		if !fromEnv(v.String()) {
			return nil
		}
		secret, err := c.Secret(v.String())
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		path, err := keep(key, secret)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		v.SetString(path)
		return nil
	})
}

// eachSecret calls do for every *_file setting that is set, those in lists too.
func (c *Config) eachSecret(do func(key string, v reflect.Value) error) error {
	for _, s := range settings(reflect.ValueOf(c).Elem(), "") {
		if err := secretsIn(s, do); err != nil {
			return err
		}
	}
	return nil
}

func secretsIn(s setting, do func(key string, v reflect.Value) error) error {
	if s.value.Kind() == reflect.String && strings.HasSuffix(s.name, "_file") && s.value.String() != "" {
		return do(s.key, s.value)
	}
	if s.value.Kind() != reflect.Slice || s.value.Type().Elem().Kind() != reflect.Struct {
		return nil
	}
	for i := range s.value.Len() {
		for _, inner := range settings(s.value.Index(i), s.key+"["+strconv.Itoa(i)+"].") {
			if err := secretsIn(inner, do); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownUser makes the database URL's user the door's where none is named.
func (c *Config) ownUser(keep func(key, secret string) (string, error)) error {
	if !c.Database.Enabled() || len(c.Database.Users) > 0 {
		return nil
	}
	text, err := c.Secret(c.Database.UpstreamFile)
	if err != nil {
		return fmt.Errorf("database.upstream_file: %w", err)
	}
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil || u.User == nil { // err would show the URL with its password
		return errors.New("database.users is empty, and database.upstream_file holds no URL with a user (postgres://user:password@host/name); set users")
	}
	password, has := u.User.Password()
	if !has || u.User.Username() == "" {
		return errors.New("database.users is empty, and the URL of database.upstream_file names no user and password; set users")
	}
	path, err := keep("database.users", password)
	if err != nil {
		return fmt.Errorf("database.users: %w", err)
	}
	c.Database.Users = []wire.User{{Name: u.User.Username(), PasswordFile: path}}
	return nil
}
