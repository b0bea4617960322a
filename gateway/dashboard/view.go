package dashboard

import "time"

// State is how a thing stands: "ok", "warn", "bad" or "off".
type State string

// The states, from good to unknown.
const (
	OK   State = "ok"
	Warn State = "warn"
	Bad  State = "bad"
	Off  State = "off"
)

// View is one page as it stands now. Texts are plain text, never markup.
type View struct {
	// Page is the page's name, At when the view was made.
	Page string    `json:"page"`
	At   time.Time `json:"at"`
	// Site is the public URL's host, Mode a word shown on every page where it is not "" ("development").
	Site string `json:"site"`
	Mode string `json:"mode,omitempty"`
	// Verdict answers "is it working".
	Verdict Verdict `json:"verdict"`
	// Actions are the buttons beside the verdict.
	Actions []Action `json:"actions,omitempty"`
	// Panels stand in reading order.
	Panels []Panel `json:"panels"`
	// Footer are the facts of the last line: version, settings, history.
	Footer []string `json:"footer"`
}

// Verdict is the first sentence.
type Verdict struct {
	State State  `json:"state"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Panel is one card. Kind says which of the fields below Title and Note is set.
type Panel struct {
	// Kind is "path", "fix", "doors", "chart", "stopped", "queries", "checks", "table", "lanes", "beats" or "facts".
	Kind string `json:"kind"`
	// ID is stable over time, so that the page keeps what the reader opened.
	ID    string `json:"id"`
	Title string `json:"title,omitempty"`
	Note  string `json:"note,omitempty"`
	// Source is the JSON endpoint that the panel's numbers come from; "" where there is none.
	Source string `json:"source,omitempty"`
	// Width is "half" or "wide" or "third"; "" means the whole row.
	Width string `json:"width,omitempty"`
	// Empty is the sentence shown where there is nothing to show.
	Empty string `json:"empty,omitempty"`
	// Actions are the buttons at the panel's foot.
	Actions []Action `json:"actions,omitempty"`

	Nodes   []Node    `json:"nodes,omitempty"`
	Fix     *Fix      `json:"fix,omitempty"`
	Doors   []Door    `json:"doors,omitempty"`
	Chart   *Series   `json:"chart,omitempty"`
	Trends  []Trend   `json:"trends,omitempty"`
	Stopped []Stopped `json:"stopped,omitempty"`
	Queries []Query   `json:"queries,omitempty"`
	Checks  []Check   `json:"checks,omitempty"`
	Table   *Table    `json:"table,omitempty"`
	Lanes   []Lane    `json:"lanes,omitempty"`
	Beats   []Beat    `json:"beats,omitempty"`
	Facts   []Fact    `json:"facts,omitempty"`
}

// Action is a button: a POST to Path with Body, offered where it is allowed.
type Action struct {
	Label string            `json:"label"`
	Path  string            `json:"path"`
	Body  map[string]string `json:"body,omitempty"`
	// Confirm is asked before; "" asks nothing.
	Confirm string `json:"confirm,omitempty"`
	// Busy is the label while the answer is waited for; "" keeps Label.
	Busy string `json:"busy,omitempty"`
	// Strong is true for the one button that stands out.
	Strong bool `json:"strong,omitempty"`
}

// Trend is a figure against what is usual at this hour.
type Trend struct {
	Name  string `json:"name"`
	Text  string `json:"text"`
	State State  `json:"state,omitempty"`
}

// Node is a stop on the way from visitor to database, with the link that leads on from it.
type Node struct {
	Icon  string `json:"icon"`
	Name  string `json:"name"`
	State State  `json:"state"`
	// Says and Where are the two lines below the name; Where is set in a fixed-width face.
	Says  string `json:"says"`
	Where string `json:"where"`
	// Source is the JSON endpoint that Says comes from; "" where there is none.
	Source string `json:"source,omitempty"`
	// Door is true for the two that are ours.
	Door bool `json:"door,omitempty"`
	// Link is the way to the next node; nil on the last.
	Link *Link `json:"link,omitempty"`
}

// Link is the way between two nodes: a figure above, a word below.
type Link struct {
	State State  `json:"state"`
	Above string `json:"above"`
	Below string `json:"below"`
}

// Fix says what is wrong and what to type.
type Fix struct {
	State    State    `json:"state"`
	Title    string   `json:"title"`
	Text     string   `json:"text"`
	Evidence []Fact   `json:"evidence"`
	Cure     string   `json:"cure"`
	Commands []string `json:"commands"`
}

// Door is one of the three cards: a figure, a line or beats, four facts.
type Door struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	Badge string `json:"badge"`
	// Source is the JSON endpoint that the figures come from.
	Source string    `json:"source,omitempty"`
	Big    string    `json:"big"`
	Unit   string    `json:"unit"`
	Line   []float64 `json:"line,omitempty"`
	Tone   string    `json:"tone,omitempty"`
	Beats  []Beat    `json:"beats,omitempty"`
	Facts  []Fact    `json:"facts"`
}

// Fact is a name and a value.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	State State  `json:"state,omitempty"`
}

// Stopped is one thing that was stopped.
type Stopped struct {
	At    time.Time `json:"at"`
	State State     `json:"state"`
	Title string    `json:"title"`
	Who   string    `json:"who"`
	// SQL is the statement in pieces, literals masked; nil where no statement was involved.
	SQL []Piece `json:"sql,omitempty"`
	Why string  `json:"why,omitempty"`
}

// Piece is a part of a statement; Mark is true for bytes that came from a request.
type Piece struct {
	Text string `json:"text"`
	Mark bool   `json:"mark,omitempty"`
}

// Query is one of the heaviest statements.
type Query struct {
	SQL   string `json:"sql"`
	Route string `json:"route"`
	Calls string `json:"calls"`
	Mean  string `json:"mean"`
	P95   string `json:"p95"`
	Slow  bool   `json:"slow,omitempty"`
	// Share is its part of all execution time, 0..1.
	Share float64 `json:"share"`
}

// Check is one line of a list of checks.
type Check struct {
	State State  `json:"state"`
	Text  string `json:"text"`
	More  string `json:"more,omitempty"`
	Right string `json:"right,omitempty"`
}

// Table has a head and rows; cells are aligned by Numeric.
type Table struct {
	Head    []string   `json:"head"`
	Numeric []bool     `json:"numeric,omitempty"`
	Rows    [][]string `json:"rows"`
	// States colour rows; nil or "" leaves a row plain.
	States []State `json:"states,omitempty"`
	// RowActions has a button for each row, in order; nil where there are none.
	RowActions []Action `json:"rowActions,omitempty"`
}

// Lane is one client's line of events.
type Lane struct {
	Name string `json:"name"`
	Says string `json:"says"`
	// Marks are placed by At between From and To of the panel's Chart-less time axis: the last 24 hours.
	Marks  []LaneMark `json:"marks"`
	Action *Action    `json:"action,omitempty"`
}

// LaneMark is one event of a lane; Place is its time as 0 (a day ago) to 1 (now).
type LaneMark struct {
	Place float64 `json:"place"`
	State State   `json:"state"`
	Text  string  `json:"text"`
}

// Beat is one probe.
type Beat struct {
	State State  `json:"state"`
	Text  string `json:"text"`
}

// Series is a chart: times in Unix seconds and, for each line, a value or null per time.
type Series struct {
	Span  string     `json:"span"`
	Times []int64    `json:"times"`
	Lines []LineData `json:"lines"`
}

// LineData is one line of a chart.
type LineData struct {
	Name string     `json:"name"`
	Tone string     `json:"tone"`
	Data []*float64 `json:"data"`
	Bars bool       `json:"bars,omitempty"`
}
