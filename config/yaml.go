package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// maxFile is the largest settings file, bytes; the reference page with every key is below 40 KB.
	maxFile = 256 << 10
	// maxDepth is how deep brackets, list dashes and tags may nest on one line: the parser below is recursive.
	maxDepth = 32
	// maxNodes bounds what aliases can multiply.
	maxNodes = 20_000
)

// parse reads one YAML document into nodes. It returns nil and no mistake for an empty file, nil and mistakes where the text
// is not readable at all, and both where only some of it is wrong.
func parse(name string, text []byte) (*node, Mistakes) {
	if len(text) > maxFile {
		return nil, Mistakes{{File: name, Line: 1, Col: 1, Text: fmt.Sprintf("the file has %d bytes, want at most %d", len(text), maxFile)}}
	}
	tokens := lexer.Tokenize(strings.TrimPrefix(string(text), "\ufeff"))
	if bad := tooDeep(name, tokens); bad != nil {
		return nil, bad
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return nil, Mistakes{syntaxMistake(name, err)}
	}
	b := builder{file: name, anchors: map[string]*node{}}
	switch docs := bodies(file); len(docs) {
	case 0:
		return nil, nil
	case 1:
		return b.build(docs[0]), b.bad
	default:
		second := b.build(docs[1])
		return nil, Mistakes{{File: name, Line: second.line, Col: second.col, Text: "a second document begins here, want one"}}
	}
}

func bodies(file *ast.File) []ast.Node {
	var found []ast.Node
	for _, d := range file.Docs {
		if d.Body != nil && d.Body.Type() != ast.CommentType && d.Body.Type() != ast.CommentGroupType {
			found = append(found, d.Body)
		}
	}
	return found
}

// tooDeep refuses nesting that would make the recursive parser run out of stack.
func tooDeep(name string, tokens token.Tokens) Mistakes {
	flow, line, onLine := 0, 0, 0
	for _, t := range tokens {
		if t.Position.Line != line {
			line, onLine = t.Position.Line, 0
		}
		switch t.Type {
		case token.MappingStartType, token.SequenceStartType:
			flow++
		case token.MappingEndType, token.SequenceEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.AnchorType, token.TagType:
			onLine++
		}
		if flow > maxDepth || onLine > maxDepth {
			return Mistakes{{File: name, Line: line, Col: t.Position.Column, Text: fmt.Sprintf("nested deeper than %d", maxDepth)}}
		}
	}
	return nil
}

func syntaxMistake(name string, err error) Mistake {
	m := Mistake{File: name, Line: 1, Col: 1, Text: "not readable as YAML"}
	var located yaml.Error
	if !errors.As(err, &located) {
		return m
	}
	m.Text += ": " + located.GetMessage()
	if t := located.GetToken(); t != nil && t.Position != nil {
		m.Line, m.Col = t.Position.Line, t.Position.Column
	}
	return m
}

// builder turns the parser's tree into nodes and notes what settings may not use.
type builder struct {
	file    string
	anchors map[string]*node
	made    int
	bad     Mistakes
}

func (b *builder) say(t *token.Token, format string, args ...any) {
	b.bad = append(b.bad, Mistake{File: b.file, Line: t.Position.Line, Col: t.Position.Column, Text: fmt.Sprintf(format, args...)})
}

// build returns n as a node, never nil.
func (b *builder) build(n ast.Node) *node {
	t := n.GetToken()
	out := &node{kind: nullNode, line: t.Position.Line, col: t.Position.Column}
	if b.made++; b.made > maxNodes {
		if b.made == maxNodes+1 {
			b.say(t, "the file holds more than %d values", maxNodes)
		}
		return out
	}
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		b.mapping(out, n.Values)
	case *ast.MappingValueNode:
		b.mapping(out, []*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		out.kind = listNode
		for _, item := range n.Values {
			out.items = append(out.items, b.build(item))
		}
	case *ast.AnchorNode:
		return b.anchor(n)
	case *ast.AliasNode:
		return b.alias(n, out)
	case *ast.TagNode:
		b.say(t, "the tag %s is not used in settings; take it out", t.Value)
		out.kind = brokenNode
	default:
		b.scalar(out, n)
	}
	return out
}

func (b *builder) scalar(out *node, n ast.Node) {
	out.kind = scalarNode
	t := n.GetToken()
	switch n := n.(type) {
	case *ast.StringNode:
		out.text = n.Value
		out.quoted = t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType
	case *ast.LiteralNode:
		out.text, out.quoted = n.Value.Value, true
	default:
		out.text = t.Value
	}
}

func (b *builder) mapping(out *node, values []*ast.MappingValueNode) {
	out.kind = mapNode
	seen := map[string]int{}
	for i, v := range values {
		t := v.Key.GetToken()
		if i == 0 {
			out.line, out.col = t.Position.Line, t.Position.Column
		}
		e := entry{key: keyText(v.Key), line: t.Position.Line, col: t.Position.Column, value: b.build(v.Value)}
		switch first, twice := seen[e.key]; {
		case v.Key.IsMergeKey():
			b.say(t, "the merge key << is not used in settings; write the keys out")
			continue
		case twice:
			b.say(t, "%s stands twice, first in line %d", e.key, first)
			continue
		}
		seen[e.key] = e.line
		out.entries = append(out.entries, e)
	}
}

func keyText(k ast.MapKeyNode) string {
	if s, ok := k.(*ast.StringNode); ok {
		return s.Value
	}
	return k.GetToken().Value
}

// anchor keeps the value under its name only once it is complete, so that no alias can stand inside its own anchor.
func (b *builder) anchor(n *ast.AnchorNode) *node {
	out := b.build(n.Value)
	b.anchors[n.Name.GetToken().Value] = out
	return out
}

func (b *builder) alias(n *ast.AliasNode, none *node) *node {
	name := n.Value.GetToken().Value
	if out, ok := b.anchors[name]; ok {
		return out
	}
	b.say(n.GetToken(), "the alias *%s names nothing that stands before it", name)
	none.kind = brokenNode
	return none
}
