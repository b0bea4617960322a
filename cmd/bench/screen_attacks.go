package main

// The attack groups play only attacks that changed a statement's structure. Warm, the app's own statements are known; cold, nothing is:
// the state after a start without a file of structures.

func (b *screenBench) attacksVerbatim() error {
	return b.attacksOf("attacks, verbatim", keep(b.pairs, row.isAttack), want{found: 0.995, refused: 0.98}, want{refused: 0.95})
}

func (b *screenBench) attacksChanged() error {
	return b.attacksOf("attacks, changed by the app", keep(b.changed, row.isAttack), want{found: 0.90, refused: 0.88}, want{})
}

func (b *screenBench) attacksOf(group string, rows []row, warm, cold want) error {
	s, err := newWarm(b.corpora.pairs)
	if err != nil {
		return err
	}
	b.play(group+", warm", rows, warm, s, row.inputs)
	if s, err = newCold(); err != nil {
		return err
	}
	b.play(group+", cold", rows, cold, s, row.inputs)
	return nil
}

// secondOrder plays attacks that were bound when written and are concatenated later: no request in flight carries them.
func (b *screenBench) secondOrder() error {
	s, err := newWarm(b.corpora.pairs)
	if err != nil {
		return err
	}
	b.play("second order, warm", keep(b.pairs, row.isAttack), want{found: 0.75, refused: 0.50}, s, func(row) []string { return nil })
	return nil
}

// play judges each row while a request with its inputs is in flight, and counts by context.
func (b *screenBench) play(group string, rows []row, w want, s *stand, inputs func(row) []string) {
	s.explain = b.missed != 0
	b.result.begin(group, w)
	shown := 0
	for _, r := range rows {
		o := s.during(inputs(r), r.SQL)
		b.result.count(r.Ctx, o)
		if !o.refused && shown < b.missed {
			shown++
			b.result.miss(group, r, o)
		}
	}
}
