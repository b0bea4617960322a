package tunnel

import "time"

// BackupState is what is known of the backups; last is zero where none was made by this process.
type BackupState struct {
	Last time.Time `json:"last"`
	File string    `json:"file"`
	Kept int       `json:"kept"`
	// Error is why the newest one went wrong, "" where it went well.
	Error string `json:"error,omitempty"`
}
