package alert

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// maxQueued is how many messages wait at most; the oldest is dropped for a new one, and the drop is counted.
const maxQueued = 500

// maxQueueFile is how much of a queue file is read, bytes.
const maxQueueFile = 8 << 20

// tooOld is how long a message is tried; after that it tells nobody anything new.
const tooOld = 48 * time.Hour

// letter is a message on its way.
type letter struct {
	Event Event `json:"event"`
	// To are the channels that have not taken it yet.
	To []string `json:"to"`
	// Tried counts attempts over all channels.
	Tried int `json:"tried"`
}

// paper is what the queue file holds.
type paper struct {
	Letters   []letter    `json:"letters"`
	Incidents []*incident `json:"incidents"`
	Mutes     []Mute      `json:"mutes"`
}

// queue is the list of letters, oldest first. Its owner serialises calls.
type queue struct {
	letters []*letter
	dropped int
}

func (q *queue) add(e Event, to []string) {
	if len(to) == 0 {
		return
	}
	q.letters = append(q.letters, &letter{Event: e, To: slices.Clone(to)})
	if over := len(q.letters) - maxQueued; over > 0 {
		q.letters = slices.Delete(q.letters, 0, over)
		q.dropped += over
	}
}

// first returns the oldest letter for channel, nil where there is none.
func (q *queue) first(channel string, now time.Time) *letter {
	q.letters = slices.DeleteFunc(q.letters, func(l *letter) bool {
		old := now.Sub(l.Event.At) > tooOld
		if old {
			q.dropped++
		}
		return old || len(l.To) == 0
	})
	for _, l := range q.letters {
		if slices.Contains(l.To, channel) {
			return l
		}
	}
	return nil
}

// taken notes that channel took l.
func (q *queue) taken(l *letter, channel string) {
	l.To = slices.DeleteFunc(l.To, func(name string) bool { return name == channel })
	if len(l.To) == 0 {
		q.letters = slices.DeleteFunc(q.letters, func(x *letter) bool { return x == l })
	}
}

// oldest is when the oldest letter was written; zero where none waits.
func (q *queue) oldest() time.Time {
	if len(q.letters) == 0 {
		return time.Time{}
	}
	return q.letters[0].Event.At
}

// readPaper reads a queue file; one that is not there is empty. A damaged one is moved aside, told of and taken for empty.
func readPaper(name string) (paper, error) {
	var p paper
	info, err := os.Stat(name)
	if errors.Is(err, os.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return p, err
	}
	var text []byte
	if info.Size() > maxQueueFile {
		err = fmt.Errorf("%s holds more than %d bytes", name, maxQueueFile)
	} else if text, err = os.ReadFile(name); err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err != nil {
		return paper{}, errors.Join(fmt.Errorf("alert queue: %w", err), os.Rename(name, name+".damaged"))
	}
	for i := range p.Letters {
		p.Letters[i].Event.Lasted = time.Duration(p.Letters[i].Event.LastedMs) * time.Millisecond
	}
	return p, nil
}

// writePaper replaces the queue file as a whole or not at all; its mode is 0600.
func writePaper(name string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+"-*")
	if err != nil {
		return err
	}
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp.Name()))
	}
	return nil
}
