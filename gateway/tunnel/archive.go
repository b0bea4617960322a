package tunnel

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// maxArchive is how large the inside of a backup may be, bytes.
const maxArchive = 1 << 20

// Names of the files in a backup.
const (
	inManifest    = "manifest.json"
	inToken       = "token"
	inCredentials = "credentials.json"
	inCert        = "cert.pem"
	inConfig      = "config.yml"
)

// Manifest says what a backup holds.
type Manifest struct {
	Schema   string    `json:"schema"`
	TunnelID string    `json:"tunnelId"`
	MadeAt   time.Time `json:"madeAt"`
	// SHA256 of each file by its name in the backup.
	SHA256 map[string]string `json:"sha256"`
}

// Files are the names of the files in the backup, sorted.
func (m Manifest) Files() []string { return slices.Sorted(maps.Keys(m.SHA256)) }

const manifestSchema = "sallyport.tunnel-backup/1"

// places are where the files of a backup live on this machine, by their names in it.
func (s Settings) places() map[string]string {
	at := map[string]string{inToken: s.Run.TokenFile, inCredentials: s.Run.Credentials, inCert: s.Run.Cert}
	maps.DeleteFunc(at, func(_, path string) bool { return path == "" })
	return at
}

// pack reads the secrets of s and returns them as a tar with a manifest.
func pack(s Settings, at time.Time) ([]byte, error) {
	id, err := s.Run.tunnelID() // a secret that cannot be parsed is not worth a backup
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for name, path := range s.places() {
		if files[name], err = readSmall(path, maxSecret); err != nil {
			return nil, err
		}
	}
	if text, err := readSmall(filepath.Join(s.State, inConfig), maxSecret); err == nil {
		files[inConfig] = text
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	m := Manifest{Schema: manifestSchema, TunnelID: id, MadeAt: at, SHA256: map[string]string{}}
	for name, text := range files {
		m.SHA256[name] = sumOf(text)
	}
	if files[inManifest], err = json.MarshalIndent(m, "", "  "); err != nil {
		return nil, err
	}
	return tarred(files, at)
}

func tarred(files map[string][]byte, at time.Time) ([]byte, error) {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		h := &tar.Header{Name: name, Mode: 0o600, Size: int64(len(files[name])), ModTime: at, Typeflag: tar.TypeReg}
		if err := w.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := w.Write(files[name]); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}

// unpack reads a tar of pack, and wants every file to be known, whole, parsable and of one tunnel.
func unpack(archive []byte) (Manifest, map[string][]byte, error) {
	files := map[string][]byte{}
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Manifest{}, nil, err
		}
		if !slices.Contains([]string{inManifest, inToken, inCredentials, inCert, inConfig}, h.Name) || h.Typeflag != tar.TypeReg || files[h.Name] != nil {
			return Manifest{}, nil, fmt.Errorf("it holds an unexpected entry %q", shorten(h.Name, 40))
		}
		text, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
		if err != nil {
			return Manifest{}, nil, err
		}
		if len(text) > maxSecret {
			return Manifest{}, nil, fmt.Errorf("%s is longer than %d bytes", h.Name, maxSecret)
		}
		files[h.Name] = text
	}
	m, err := checkManifest(files)
	return m, files, err
}

func checkManifest(files map[string][]byte) (Manifest, error) {
	var m Manifest
	if json.Unmarshal(files[inManifest], &m) != nil || m.Schema != manifestSchema {
		return m, errors.New("its manifest is not one of ours")
	}
	delete(files, inManifest)
	if len(files) != len(m.SHA256) {
		return m, errors.New("its files are not those of its manifest")
	}
	for name, text := range files {
		if m.SHA256[name] != sumOf(text) {
			return m, fmt.Errorf("%s is not what the manifest says", name)
		}
	}
	for name, parse := range map[string]func([]byte) (string, error){inToken: tunnelOfToken, inCredentials: tunnelOfCredentials} {
		if text, ok := files[name]; ok {
			if id, err := parse(text); err != nil {
				return m, fmt.Errorf("%s: %w", name, err)
			} else if id != m.TunnelID {
				return m, fmt.Errorf("%s is of tunnel %s, the manifest of %s", name, id, m.TunnelID)
			}
		}
	}
	return m, nil
}

func sumOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
