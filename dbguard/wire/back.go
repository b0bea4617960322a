package wire

import "slices"

// back is what is known of a server connection's state: pure, without I/O. Its link's mutex guards it.
type back struct {
	owed answers
	// status is that of the last ReadyForQuery: 'I', 'T' or 'E'.
	status byte
	// open reports an extended-protocol sequence that no Sync has ended yet.
	open bool
	// failed reports that the server skips everything until a Sync that was not sent yet.
	failed bool
	// copyIn reports that the server takes COPY data; copyDone that their end is on the way.
	copyIn, copyDone bool
	// began reports that a part of the answer to the request at the head went to the client.
	began bool
	// rest and restForward are about a message whose end has not come yet. flushed reports that the client asked meanwhile for
	// what it is owed: it gets that behind the message, never in the middle of it.
	rest                 int
	restForward, flushed bool
	// statements are the prepared statements that live on the server; unnamed is whose unnamed one does.
	statements *cache
	unnamed    *prepared
	// reported are the values of ParameterStatus; applied are the settings that our clients made.
	reported, applied values
	// caught is the row that a catching answer got, failure the first error of a skipped request.
	caught, failure []byte
	// override is told instead of the next error: why the transaction that the client believes in was lost.
	override *problem
	// reason is told instead of the server's own 57014, until the next ReadyForQuery: why we cancelled.
	reason *problem
	watch  watcher
}

// watcher hears when a statement begins to run and how it ended; code is its SQLSTATE, "" where it succeeded.
type watcher interface {
	// began says that a's statement runs now; ended that it is over; failed that it could not even be prepared or bound.
	began(a *answer)
	ended(a *answer, code string, body []byte)
	failed(a *answer, code string, body []byte)
	// marked says that a request with marks is answered and had an effect.
	marked(a *answer)
	// stale says that a's prepared statement is out of date, before the error passes; true keeps the error from the client.
	stale(a *answer) bool
}

// quiet reports that nothing is owed and nothing is half said.
func (b *back) quiet() bool {
	return b.owed.empty() && !b.copyIn && !b.failed && b.rest == 0
}

// serves reports that a request of the client itself is not answered yet.
func (b *back) serves() bool {
	return slices.ContainsFunc(b.owed.waiting(), func(a answer) bool { return a.mode != skip })
}

// expect notes a request that was just written for the server.
func (b *back) expect(a answer) {
	idle := b.owed.empty()
	b.owed.push(a)
	if idle {
		b.headChanged()
	}
}

// headChanged tells the watcher of the statement whose turn it is.
func (b *back) headChanged() {
	if a := b.owed.first(); a != nil && a.verdict != nil {
		b.watch.began(a)
	}
}

// done takes the answer at the head.
func (b *back) done(code string, body []byte) {
	a := b.owed.first()
	if a.verdict != nil {
		b.watch.ended(a, code, body)
	}
	if a.marks != nil {
		b.settleMarks(a)
	}
	if a.then != nil {
		a.then()
	}
	b.owed.pop()
	b.began = false
	b.headChanged()
}

// settle gives the client the answers that the server need not give, as far as it is their turn.
func (b *back) settle(out *sink) {
	for a := b.owed.first(); a != nil; a = b.owed.first() {
		switch {
		case a.request == 'c':
		case a.mode == fake && a.request == 'C':
			out.make('3', 0, 0, 0, 4)
		case a.mode == fake:
			out.make('1', 0, 0, 0, 4)
		default:
			return
		}
		b.done("", nil)
	}
}

// onlyFakes reports that no answer of the server stands before the end of the queue.
func (b *back) onlyFakes() bool {
	for _, a := range b.owed.waiting() {
		if a.mode != fake && a.request != 'c' {
			return false
		}
	}
	return true
}

// settleMarks keeps what a request did to our books, or takes back what of it did not run.
func (b *back) settleMarks(a *answer) {
	if a.code == "" || a.ran > 0 {
		b.watch.marked(a)
	}
	switch {
	case a.code == "":
	case a.ran == 0 && a.undo != nil:
		a.undo()
	case a.ran > 0 && a.undoAfter != nil:
		a.undoAfter(a.ran)
	}
}
