package preflight

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
)

// sqliteMagic begins every SQLite 3 file (https://www.sqlite.org/fileformat.html).
var sqliteMagic = []byte("SQLite format 3\x00")

// historyFile judges the file by its header: magic, page size, and a length of whole pages.
func historyFile(path string) Result {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ok("%s will be made at the first start", path)
	}
	if err != nil {
		return fail("chown it to the user that runs sallyport", "%s cannot be read: %v", path, plain(err))
	}
	defer f.Close() //nolint:errcheck // only read
	head := make([]byte, 100)
	if _, err := io.ReadFull(f, head); err != nil || !bytes.HasPrefix(head, sqliteMagic) {
		return warn("nothing: it is moved aside at the start and a new one begun", "%s is no history file any more", path)
	}
	size := int64(head[16])<<8 | int64(head[17])
	if size == 1 {
		size = 65536
	}
	st, err := f.Stat()
	if err != nil || size == 0 || st.Size()%size != 0 {
		return warn("nothing: it is moved aside at the start and a new one begun", "%s is cut off", path)
	}
	return ok("%s is whole, %d MB", path, st.Size()/1e6)
}
