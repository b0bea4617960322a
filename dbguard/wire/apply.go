package wire

// Apply makes the users and the limits of pool and clients of s hold from now on, for a door that runs; everything else holds
// after the next start. Clients that are inside stay, and running transactions end as they began: connections beyond a
// smaller pool.max are closed as they come back. It returns an error where a user's secret cannot be read; nothing has changed then.
func (d *Door) Apply(s Settings) error {
	x := d.running.Load()
	if x == nil {
		return nil
	}
	accounts, err := loadAccounts(s.Users)
	if err != nil {
		return err
	}
	x.accounts.Store(accounts)
	x.mu.Lock()
	x.settings.Clients.Max, x.settings.Clients.PerUser = s.Clients.Max, s.Clients.PerUser
	x.mu.Unlock()
	x.pool.apply(s.Pool)
	return nil
}

// apply takes the limits of s. A larger pool lets those who wait dial at once; a smaller one closes what is idle.
func (p *pool) apply(s Pool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.max, p.room, p.patience, p.lifetime, p.rest = s.Max, s.Queue, s.Wait, s.Lifetime, s.Idle
	p.mostPinned.Store(s.pins())
	for range p.waiters.n {
		p.letDial()
	}
	for over := len(p.links) - p.max; over > 0 && len(p.idle) > 0; over-- {
		l := p.idle[0]
		p.idle = p.idle[1:]
		l.hangUp()
	}
}

// pins is how many connections clients may keep.
func (s Pool) pins() int32 {
	if s.Pins == 0 {
		return int32(max(1, s.Max/2))
	}
	return int32(s.Pins)
}
