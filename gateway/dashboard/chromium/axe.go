package chromium

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// axe-core as npm publishes it (MPL-2.0); it is fetched for tests and kept in the user's cache, never part of the product.
const (
	axeURL    = "https://registry.npmjs.org/axe-core/-/axe-core-4.14.1.tgz"
	axeSHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
	axeFile   = "package/axe.min.js"
)

// Axe returns what axe-core finds against WCAG 2.2 A and AA and its own best practices, one line an element. It must be the last
// thing done with a page: axe-core itself writes into it.
func (b *Tab) Axe() []string {
	b.t.Helper()
	script, err := axeScript()
	if err != nil {
		b.t.Fatalf("axe-core: %v; it comes from %s", err, axeURL)
	}
	if !Ask[bool](b, `"axe" in window`) {
		Ask[bool](b, script+"\n;true")
	}
	found := Ask[string](b, `axe.run({resultTypes: ["violations"]}).then((r) => JSON.stringify(r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.target.join(" ") + " " + n.html.slice(0, 120) + " " + n.failureSummary))))`)
	var lines []string
	if err := json.Unmarshal([]byte(found), &lines); err != nil {
		b.t.Fatal(err)
	}
	return lines
}

// axeScript returns axe.min.js from the cache or the registry; its archive's checksum is looked at each time.
func axeScript() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	kept := filepath.Join(cache, "sallyport-test", filepath.Base(axeURL))
	archive, err := os.ReadFile(kept)
	if err != nil || !genuine(archive) {
		if archive, err = fetch(axeURL); err != nil {
			return "", err
		}
		if !genuine(archive) {
			return "", errors.New("what the registry sent does not have the expected checksum")
		}
		if err := keep(kept, archive); err != nil {
			return "", err
		}
	}
	return unpack(archive, axeFile)
}

func genuine(archive []byte) bool {
	sum := sha512.Sum512(archive)
	return base64.StdEncoding.EncodeToString(sum[:]) == axeSHA512
}

func fetch(url string) ([]byte, error) {
	client := http.Client{Timeout: time.Minute}
	answer, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the registry answered %s", answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, 8<<20))
}

// keep writes beside the file and renames, so that two test binaries at once do no harm.
func keep(path string, body []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	part, err := os.CreateTemp(filepath.Dir(path), "part")
	if err != nil {
		return err
	}
	_, err = part.Write(body)
	if err := errors.Join(err, part.Close()); err != nil {
		return err
	}
	return os.Rename(part.Name(), path)
}

// unpack returns the named file of a gzipped tar archive.
func unpack(archive []byte, name string) (string, error) {
	plain, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return "", err
	}
	for files := tar.NewReader(plain); ; {
		head, err := files.Next()
		if err != nil {
			return "", fmt.Errorf("%s is not in the archive: %w", name, err)
		}
		if head.Name != name {
			continue
		}
		body, err := io.ReadAll(files)
		return string(body), err
	}
}
