package screen

// Kind is what a token is to PostgreSQL's scanner.
type Kind uint8

// The kinds of tokens.
const (
	// Word is an identifier or keyword without quotes.
	Word Kind = iota + 1
	// Quoted is "…" or U&"…".
	Quoted
	// Param is $1.
	Param
	// Number is a numeric literal, without its sign.
	Number
	// String is a literal of any form, with its continuations.
	String
	// Operator is made of + - * / < > = ~ ! @ # % ^ & | ` ?
	Operator
	// Punct is one of , ( ) [ ] . ; : and :: := ..
	Punct
	// Other is a byte that fits nowhere.
	Other
)

// Form is how a String or Quoted token is written.
type Form uint8

// The forms of literals.
const (
	// Plain is '…' or "…".
	Plain Form = iota
	// Escape is E'…', or '…' while standard_conforming_strings is off.
	Escape
	// Unicode is U&'…' or U&"…".
	Unicode
	// Bits is B'…' or X'…'.
	Bits
	// Dollar is $tag$…$tag$.
	Dollar
)

// Token is one token of a statement.
type Token struct {
	// Start and End are byte positions in the text, half open.
	Start, End int32
	Kind       Kind
	Form       Form
	word       word // see Statement.index
}

// Comment is one comment of a statement.
type Comment struct {
	// Start and End are byte positions in the text, half open, without the line's end.
	Start, End int32
	// Before is the index of the token that follows, len(Tokens) at the end.
	Before int32
	// Block tells /* */ from --.
	Block bool
}
