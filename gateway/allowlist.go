package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"sallyport/config"
	"sallyport/dbguard"
	"sallyport/dbguard/screen"
)

// structures is a file of learned statements, read and not used yet.
type structures struct {
	text []byte
	list *screen.AllowList // nil where the file is only a seed
	mode dbguard.Mode
	// roles are the modes of single roles.
	roles map[string]dbguard.Mode
}

// readStructures reads the file that s names. With mode off a file that exists still makes its statements known from the
// first query on, and one that does not is no mistake.
func (d *database) readStructures(s config.AllowList) (structures, error) {
	now := structures{mode: dbguard.Mode(s.Mode), roles: map[string]dbguard.Mode{}}
	for role, mode := range s.Roles {
		now.roles[role] = dbguard.Mode(mode)
	}
	text, err := os.ReadFile(s.File)
	if errors.Is(err, fs.ErrNotExist) && !s.On() {
		return now, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return structures{}, fmt.Errorf("allow_list.file: %w; with mode off, let the app send what it sends, then: sallyport learn --out %s", err, s.File)
	}
	if err != nil {
		return structures{}, fmt.Errorf("allow_list.file: %w", err)
	}
	now.text = text
	now.list, err = screen.ReadAllowList(bytes.NewReader(text), d.guard.Key())
	if err != nil {
		return structures{}, fmt.Errorf("allow_list.file: %s: %w", s.File, err)
	}
	return now, nil
}

// use lets s hold from the next query on. Statements that the rules object to stay allowed where the list has them, and are
// not learned.
func (d *database) use(s structures) {
	if s.text != nil {
		if known, _ := d.guard.Model().Load(bytes.NewReader(s.text)); known > 0 { // what it refuses is not known, and judged as any other
			d.guard.Warm()
		}
		d.guard.Learn(d.guard.Texts()) // so that these, too, may sort by any name
	}
	d.guard.Allow(s.list, s.mode, s.roles)
}

// apply lets the settings of a reload hold; where one of them is wrong nothing changes.
func (d *database) apply(s config.Database) error {
	learned, err := d.readStructures(s.AllowList)
	if err != nil {
		return err
	}
	if s.Enabled() { // else it closes with the next start, and until then it keeps its users
		if err := d.door.Apply(s.Settings); err != nil {
			return err
		}
	}
	if err := d.guard.Apply(s.Guard); err != nil {
		return err
	}
	d.use(learned)
	d.window.Except(s.Routes)
	return nil
}

// allowList reports whether statements are held against a learned list.
func (d *database) allowList() bool { return d.guard.Snapshot().SecurityFeatures.AllowList }
