package wire

import "sallyport/dbguard"

// mode says what becomes of the server's answer to a request.
type mode byte

const (
	forward mode = iota // the client gets it
	skip                // it answers a request of ours; the client must not see it
	inject              // likewise, but an error of it is the client's: its own request depends on ours
	fake                // the request was not sent; the client gets the answer that would have come
)

// answer is what is still owed for one request, in the order of the requests.
type answer struct {
	// request is the request's message kind; 'c' marks the end of COPY data, which nothing answers.
	request byte
	mode    mode
	// catch keeps the first row of a skipped answer.
	catch bool
	// ran counts the statements of the request that completed; code is the SQLSTATE of its error, "" while there is none.
	ran  int
	code string
	// rows are those that its statements returned or changed.
	rows int64
	// of is the prepared statement that the request is about; nil where it is about none.
	of *prepared
	// commit reports that the request may end a transaction, so that its loss leaves the outcome unknown.
	commit bool
	// refusal is sent instead of the error that this request will cause; nil passes the server's error on.
	refusal []byte
	// verdict is of the statement that the request runs; nil where it runs none.
	verdict *dbguard.Verdict
	// marks are what the statement may do to the session; nil where nothing.
	marks *marks
	// then is called when the request is wholly answered; nil where nobody waits.
	then func()
	// undo takes back what sending the request did to our books, and undoAfter what only statements after the nth would have
	// done; nil where nothing.
	undo      func()
	undoAfter func(n int)
	// failed is called behind undo where the request itself is what failed; nil where that makes no difference.
	failed func()
}

// answers is a queue that keeps its room.
type answers struct {
	list []answer
	head int
}

func (q *answers) push(a answer) {
	if q.head > 0 && q.head == len(q.list) {
		q.list, q.head = q.list[:0], 0
	}
	q.list = append(q.list, a)
}

func (q *answers) empty() bool { return q.head == len(q.list) }

// first is the answer that comes next; nil where none is owed.
func (q *answers) first() *answer {
	if q.empty() {
		return nil
	}
	return &q.list[q.head]
}

func (q *answers) pop() {
	q.list[q.head] = answer{}
	q.head++
}

// waiting are the answers still owed.
func (q *answers) waiting() []answer { return q.list[q.head:] }

// dropToSync takes the requests that the server skips after an error: all before the next Sync. Their effects are undone,
// last first. It reports whether a Sync follows.
func (q *answers) dropToSync() bool {
	rest := q.waiting()
	n := 0
	for n < len(rest) && rest[n].request != 'S' {
		n++
	}
	for i := n - 1; i >= 0; i-- {
		if rest[i].undo != nil {
			rest[i].undo()
		}
		rest[i] = answer{}
	}
	q.head += n
	return n < len(rest)
}

// dropInCopy takes the requests that a COPY's server reads as part of the data and never answers: Syncs sent before the end
// of the data, and one other message after a Query, which fails the COPY. It reports whether the end of the data is on the way.
func (q *answers) dropInCopy() bool {
	simple := q.list[q.head].request == 'Q'
	rest := q.list[q.head+1:]
	n := 0
	for n < len(rest) && rest[n].request == 'S' {
		n++
	}
	ended := n < len(rest) && rest[n].request == 'c'
	if simple && !ended && n < len(rest) {
		if rest[n].undo != nil {
			rest[n].undo()
		}
		n++
	}
	q.list = append(q.list[:q.head+1], rest[n:]...)
	return ended
}
