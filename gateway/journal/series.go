package journal

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Track is one series over a range, step by step.
type Track struct {
	Name string
	Fold Fold
	// Start is the time of the first point, Step the distance.
	Start time.Time
	Step  time.Duration
	// Points are NaN where a step has no figure.
	Points []float64
}

// Series returns the named series (all where names is empty) between from and to in steps of whole minutes, sorted by name.
// Minutes not yet committed to the file are in it too.
func (h *History) Series(ctx context.Context, names []string, from, to time.Time, step time.Duration) ([]Track, error) {
	db, err := h.reader()
	if err != nil {
		return nil, err
	}
	g := newGrid(from, to, step)
	h.mu.Lock()
	memory := h.fold.snapshot(names)
	h.mu.Unlock()
	wanted, err := json.Marshal(append([]string{}, names...))
	if err != nil {
		return nil, fmt.Errorf("history: series: %w", err)
	}
	rows, err := db.QueryContext(ctx, `SELECT s.name, s.fold, c.hour, c.points FROM series s JOIN chunk c ON c.series = s.id
		WHERE (? = 0 OR s.name IN (SELECT value FROM json_each(?))) AND c.hour BETWEEN ? AND ?`, len(names), string(wanted), g.first/60, g.last/60)
	if err != nil {
		return nil, fmt.Errorf("history: series: %w", err)
	}
	defer rows.Close()
	var name, fold string
	var hour int64
	var points sql.RawBytes
	for rows.Next() {
		if err := rows.Scan(&name, &fold, &hour, &points); err != nil {
			return nil, fmt.Errorf("history: series: %w", err)
		}
		if k := (chunkKey{name, hour}); !has(memory, k) {
			g.put(k, Fold(fold), decode(points))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("history: series: %w", err)
	}
	for k, c := range memory {
		g.put(k, c.fold, c.points)
	}
	return g.tracks(), nil
}

func has(hours map[chunkKey]chunk, k chunkKey) bool {
	_, ok := hours[k]
	return ok
}

// grid gathers minutes of several series into steps.
type grid struct {
	first, last int64 // minutes since 1970, last exclusive
	step        int64 // minutes
	by          map[string]*gridTrack
}

type gridTrack struct {
	fold  Fold
	cells []cell
}

func newGrid(from, to time.Time, step time.Duration) grid {
	g := grid{step: max(int64(step/time.Minute), 1), by: map[string]*gridTrack{}}
	g.first = from.Unix() / 60 / g.step * g.step
	g.last = max((to.Unix()+59)/60, g.first+1)
	return g
}

// put adds an hour's points.
func (g *grid) put(k chunkKey, fold Fold, points []float64) {
	t := g.track(k.name, fold)
	for m, v := range points {
		if at := k.hour*60 + int64(m); at >= g.first && at < g.last && !math.IsNaN(v) {
			t.cells[(at-g.first)/g.step].add(v)
		}
	}
}

func (g *grid) track(name string, fold Fold) *gridTrack {
	t := g.by[name]
	if t == nil {
		t = &gridTrack{fold: fold, cells: make([]cell, (g.last-g.first+g.step-1)/g.step)}
		for i := range t.cells {
			t.cells[i].Fold = fold
		}
		g.by[name] = t
	}
	return t
}

func (g *grid) tracks() []Track {
	out := make([]Track, 0, len(g.by))
	for name, t := range g.by {
		points := make([]float64, len(t.cells))
		for i := range t.cells {
			points[i] = t.cells[i].value()
		}
		out = append(out, Track{name, t.fold, time.Unix(g.first*60, 0).UTC(), time.Duration(g.step) * time.Minute, points})
	}
	slices.SortFunc(out, func(a, b Track) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// snapshot is what memory knows of the named series: whole hours, with the minute in the making.
func (f *folder) snapshot(names []string) map[chunkKey]chunk {
	wanted := func(name string) bool { return len(names) == 0 || slices.Contains(names, name) }
	hours := map[chunkKey]chunk{}
	for k, c := range f.hours {
		if wanted(k.name) {
			hours[k] = chunk{c.fold, slices.Clone(c.points)}
		}
	}
	for name, c := range f.open {
		if wanted(name) {
			k := chunkKey{name, f.minute / 60}
			h := hours[k]
			h.fold = c.Fold
			h.set(int(f.minute%60), c.value())
			hours[k] = h
		}
	}
	return hours
}
