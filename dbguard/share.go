package dbguard

import "sallyport/dbguard/screen"

// News returns the structures that became known since the call before, each as a text without literals, the first time all of them; for
// a guard of the same app elsewhere.
func (g *Guard) News() []string { return g.model.News() }

// Texts returns all known structures as News does.
func (g *Guard) Texts() []string { return g.model.Texts() }

// Learn makes structures known that another guard's News told. It trusts nothing in them: a text that the rules object to, or that the
// model would not take from the app, is left out.
func (g *Guard) Learn(texts []string) {
	for _, text := range texts {
		g.learnText(text)
	}
}

func (g *Guard) learnText(text string) {
	s := screen.Read(text, screen.Options{})
	defer s.Release()
	if s.Fault != "" || !screen.Clean(screen.Check(s, g.rules)) || !g.model.Learn(s, "", true) {
		return
	}
	st := g.state.Load()
	v := g.inspect(st, s, s.Fingerprint(g.key), nil)
	g.learnSorted(st, s, v, sighting{points: clearedEnough}) // the app that taught it sorts by any name, and so does this one
}
