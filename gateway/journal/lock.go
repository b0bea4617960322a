package journal

import "errors"

// errHeld is what lock returns where another process has the history.
var errHeld = errors.New("another gateway has it open")
