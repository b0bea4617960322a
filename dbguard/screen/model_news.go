package screen

import (
	"strings"
	"sync"
)

// maxNews bounds the structures that wait to be told.
const maxNews = 1024

// news are structures that became known and were not told yet.
type news struct {
	mu     sync.Mutex // guards what follows
	wanted bool       // somebody asked before
	fresh  []*template
	lost   bool // more came than fresh may hold
}

func (n *news) add(e *template) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case !n.wanted:
	case len(n.fresh) >= maxNews:
		n.lost = true
	default:
		n.fresh = append(n.fresh, e)
	}
}

// News returns the structures that became known since the call before as Save writes them, in order; the first time, and where more
// came than could be kept, all that are known. Structures that no text without literals has are left out.
func (m *Model) News() []string {
	m.news.mu.Lock()
	fresh, all := m.news.fresh, !m.news.wanted || m.news.lost
	m.news.fresh, m.news.lost, m.news.wanted = nil, false, true
	m.news.mu.Unlock()
	if all {
		return m.Texts()
	}
	var texts []string
	for _, e := range fresh {
		if text, ok := canonical(e.structure); ok {
			texts = append(texts, strings.TrimRight(text, " "))
		}
	}
	return texts
}

// Texts returns all known structures as Save writes them, sorted.
func (m *Model) Texts() []string { return m.texts() }
