//go:build linux

package tunnel

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

// vault is a tunnel's secrets with backups of them.
type vault struct {
	*Backup
	dir      string
	operator *age.X25519Identity
	now      time.Time
}

func newVault(t *testing.T) *vault {
	t.Helper()
	operator, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	v := &vault{dir: t.TempDir(), operator: operator, now: dawn}
	s := Defaults()
	s.State = v.dir
	s.Run.TokenFile, s.Run.Cert = filepath.Join(v.dir, "token"), filepath.Join(v.dir, "cert.pem")
	s.Backup.Dir, s.Backup.Recipient = filepath.Join(v.dir, "backups"), operator.Recipient().String()
	writeToken(t, s.Run.TokenFile, testTunnel)
	if err := os.WriteFile(s.Run.Cert, []byte("-----BEGIN ARGO TUNNEL TOKEN-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	v.Backup = NewBackup(s, func() time.Time { return v.now })
	return v
}

func (v *vault) make(t *testing.T) string {
	t.Helper()
	v.now = v.now.Add(time.Second)
	s, err := v.Make()
	if err != nil {
		t.Fatal(err)
	}
	return s.File
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func agrees(context.Context) error { return nil }

func TestBackupRoundTripIsByteEqualAndPrivate(t *testing.T) {
	v := newVault(t)
	file := v.make(t)
	token, cert := read(t, v.set.Run.TokenFile), read(t, v.set.Run.Cert)
	m, err := v.Verify(file, v.operator.String())
	if err != nil || m.TunnelID != testTunnel || len(m.SHA256) != 2 {
		t.Fatalf("manifest is %+v (%v), want two files of %s", m, err, testTunnel)
	}
	if bytes.Contains(read(t, file), []byte("ARGO")) {
		t.Error("the backup shows what it holds")
	}
	writeToken(t, v.set.Run.TokenFile, testTunnel)
	if err := os.WriteFile(v.set.Run.Cert, []byte("lost"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Restore(t.Context(), file, v.operator.String(), "", agrees); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(token, read(t, v.set.Run.TokenFile)) || !bytes.Equal(cert, read(t, v.set.Run.Cert)) {
		t.Error("restored files are not byte-equal")
	}
	if got := read(t, v.set.Run.Cert+previousExt); string(got) != "lost" {
		t.Errorf("previous certificate is %q, want what was there", got)
	}
	for _, name := range []string{file, v.set.Run.TokenFile, v.set.Run.Cert, v.set.Run.Cert + previousExt} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v (%v), want mode 0600", name, info.Mode(), err)
		}
	}
}

func TestSpoiltBackupsAreRefusedAndThePresentSecretsStay(t *testing.T) {
	v := newVault(t)
	file := v.make(t)
	sealed := read(t, file)
	other, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	reseal := func(files map[string][]byte) []byte {
		plain, err := tarred(files, dawn)
		if err != nil {
			t.Fatal(err)
		}
		out, err := seal(plain, v.operator.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-20] ^= 1
	for name, c := range map[string]struct {
		text     []byte
		identity string
		want     string
	}{
		"tampered":        {flipped, v.operator.String(), ""},
		"truncated":       {sealed[:len(sealed)-30], v.operator.String(), ""},
		"truncated early": {sealed[:40], v.operator.String(), ""},
		"empty":           {nil, v.operator.String(), ""},
		"wrong key":       {sealed, other.String(), ""},
		"no key":          {sealed, "hello", ""},
		"wrong tunnel":    {sealed, v.operator.String(), "99999999-2222-4333-8444-555555555555"},
		"not a tar":       {func() []byte { b, _ := seal([]byte("hello"), v.operator.Recipient()); return b }(), v.operator.String(), ""},
		"no manifest":     {reseal(map[string][]byte{inToken: read(t, v.set.Run.TokenFile)}), v.operator.String(), ""},
		"strange entry":   {reseal(map[string][]byte{"../../etc/passwd": []byte("x")}), v.operator.String(), ""},
		"huge entry":      {reseal(map[string][]byte{inCert: make([]byte, maxSecret+1)}), v.operator.String(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := read(t, v.set.Run.TokenFile)
			spoilt := filepath.Join(t.TempDir(), "spoilt.age")
			if err := os.WriteFile(spoilt, c.text, 0o600); err != nil {
				t.Fatal(err)
			}
			confirm := func(context.Context) error { t.Error("it came as far as connecting"); return nil }
			if _, err := v.Restore(t.Context(), spoilt, c.identity, c.want, confirm); err == nil {
				t.Error("it was accepted")
			} else if strings.Contains(err.Error(), v.operator.String()) {
				t.Errorf("error %q shows the key", err)
			}
			if !bytes.Equal(before, read(t, v.set.Run.TokenFile)) {
				t.Error("the present token was changed")
			}
			if _, err := os.Stat(v.set.Run.TokenFile + previousExt); !os.IsNotExist(err) {
				t.Error("something was put in place")
			}
		})
	}
}

func TestRestoreRollsBackWhereNoConnectionComes(t *testing.T) {
	v := newVault(t)
	file := v.make(t)
	present := append(read(t, v.set.Run.TokenFile), '\n')
	if err := os.WriteFile(v.set.Run.TokenFile, present, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(v.set.Run.Cert); err != nil {
		t.Fatal(err)
	}
	_, err := v.Restore(t.Context(), file, v.operator.String(), "", func(context.Context) error { return errors.New("no connection") })
	if err == nil || !strings.Contains(err.Error(), "no connection") {
		t.Errorf("error is %v, want the reason", err)
	}
	if !bytes.Equal(present, read(t, v.set.Run.TokenFile)) {
		t.Error("the previous token is not back")
	}
	if _, err := os.Stat(v.set.Run.Cert); !os.IsNotExist(err) {
		t.Errorf("the certificate that was not there is there (%v)", err)
	}
}

func TestSevenBackupsAreKept(t *testing.T) {
	v := newVault(t)
	var made []string
	for range 10 {
		made = append(made, v.make(t))
	}
	kept, err := v.List()
	if err != nil || len(kept) != 7 || kept[0] != made[3] || kept[6] != made[9] {
		t.Errorf("kept %v (%v), want the newest 7 of %v", kept, err, made)
	}
	if s := v.state(); s.Kept != 7 || s.File != made[9] || s.Error != "" {
		t.Errorf("state is %+v, want 7 kept", s)
	}
}

func TestUnreadableSecretIsNotBackedUp(t *testing.T) {
	v := newVault(t)
	v.make(t)
	if err := os.WriteFile(v.set.Run.TokenFile, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Make(); err == nil || v.state().Error == "" {
		t.Errorf("error is %v, want one: a damaged secret must not push out good backups", err)
	}
	if kept, _ := v.List(); len(kept) != 1 {
		t.Errorf("%d backups, want the one before", len(kept))
	}
}

func TestSupervisorRestoresAndRequiresAConnection(t *testing.T) {
	operator, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t)
	r.set.Backup.Dir, r.set.Backup.Recipient = filepath.Join(r.dir, "backups"), operator.Recipient().String()
	r.run()
	first := r.up()
	r.await("a scheduled backup", func(s Snapshot) bool { return s.Backup.Kept == 1 && s.Backup.Error == "" })
	file := r.state().Backup.File
	if _, err := r.sup.Restore(t.Context(), file, operator.String(), ""); err != nil {
		t.Fatal(err)
	}
	second := r.await("reconnected", func(s Snapshot) bool { return s.PID != 0 && s.PID != first.PID && s.State == Up })
	one := 1
	r.script(script{Exit: &one}) // the new child does not connect
	if _, err := r.sup.Restore(t.Context(), file, operator.String(), ""); err == nil {
		t.Fatal("it was accepted without a connection")
	}
	if s := r.state(); s.PID != second.PID || s.Restarts.Used != 0 {
		t.Errorf("process is %d with %d restarts, want %d still serving and 0", s.PID, s.Restarts.Used, second.PID)
	}
}
