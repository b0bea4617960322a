package localpg

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// quickSettings trade safety against power failure for speed and leave nothing outside the cluster's folder. Commits stay
// synchronous: an answered COMMIT must survive a killed server.
var quickSettings = map[string]string{
	"listen_addresses":           "127.0.0.1",
	"unix_socket_directories":    "",
	"fsync":                      "off",
	"full_page_writes":           "off",
	"shared_buffers":             "32MB",
	"dynamic_shared_memory_type": "mmap",
	"password_encryption":        "scram-sha-256",
	"timezone":                   "UTC",
	"log_timezone":               "UTC",
}

// cluster is a data folder that initdb made, with the account its server runs under.
type cluster struct {
	bin, dir string
	account  account
}

// newCluster runs initdb in a new temporary folder. On an error the folder is gone.
func newCluster(ctx context.Context, o Options) (*cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	who, err := serverAccount()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "sallyport-pg-")
	if err != nil {
		return nil, fmt.Errorf("localpg: %w", err)
	}
	c := &cluster{bin: bin, dir: dir, account: who}
	if err := c.make(ctx, o); err != nil {
		return nil, fmt.Errorf("localpg: %w", withCause(ctx, err, c.remove()))
	}
	return c, nil
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }
func (c *cluster) log() string  { return filepath.Join(c.dir, "log") }

func (c *cluster) make(ctx context.Context, o Options) error {
	pwfile := filepath.Join(c.dir, "password")
	if err := os.WriteFile(pwfile, []byte(o.Password+"\n"), 0o600); err != nil {
		return err
	}
	if err := c.account.own(c.dir, pwfile); err != nil {
		return err
	}
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, binary(c.bin, "initdb"), "--no-sync", "--username=postgres", "--pwfile="+pwfile,
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--pgdata="+c.data())
	c.prepare(cmd)
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Cancel = func() error { return endGroup(cmd.Process) }
	cmd.WaitDelay = 10 * time.Second // then it is killed
	if err := c.account.runFromThread(cmd); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, tail(said.String()))
	}
	return c.configure(pwfile, o.Settings)
}

// prepare gives cmd the cluster's account, folder and an environment without PG* variables.
func (c *cluster) prepare(cmd *exec.Cmd) {
	cmd.Dir = c.dir
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "PATH=" + c.bin}
	cmd.SysProcAttr = c.account.attributes()
}

func (c *cluster) configure(pwfile string, extra map[string]string) error {
	if err := os.Remove(pwfile); err != nil {
		return err
	}
	settings := maps.Clone(quickSettings)
	maps.Copy(settings, extra)
	var lines strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&lines, "%s = '%s'\n", name, strings.ReplaceAll(settings[name], "'", "''"))
	}
	f, err := os.OpenFile(filepath.Join(c.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("\n" + lines.String())
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

// remove deletes the folder. Backends of a killed server may still write into it while they go, so it tries for a while.
func (c *cluster) remove() error {
	removeSharedMemory(filepath.Join(c.data(), "postmaster.pid"))
	var err error
	for range 50 {
		if err = os.RemoveAll(c.dir); err == nil {
			return nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return err
}

// said is the end of the server's log, for an error.
func (c *cluster) said() string {
	text, err := os.ReadFile(c.log())
	if err != nil {
		return err.Error()
	}
	return tail(string(text))
}

// tail is the last lines of text on one line.
func tail(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}

// newPassword is random, 26 letters and digits.
func newPassword() string { return rand.Text() }
