package config

// kind tells what stands at a place in the file.
type kind int

const (
	scalarNode kind = iota
	nullNode
	// brokenNode is a value that a mistake was already noted for.
	brokenNode
	mapNode
	listNode
)

// node is one value of a settings file with its place; aliases share the node they name.
type node struct {
	kind      kind
	line, col int
	// text is a scalar as written, quotes removed; quoted tells that it had some.
	text   string
	quoted bool
	// entries are a mapping's, in order of appearance; items a list's.
	entries []entry
	items   []*node
}

// entry is one key of a mapping.
type entry struct {
	key       string
	line, col int
	value     *node
}

// what names the node's kind for a person.
func (n *node) what() string {
	switch n.kind {
	case mapNode:
		return "a section"
	case listNode:
		return "a list"
	case nullNode:
		return "empty"
	}
	return n.text
}
