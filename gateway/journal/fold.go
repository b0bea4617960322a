package journal

import (
	"encoding/binary"
	"math"
	"time"
)

// Fold says how figures of one minute become one.
type Fold string

// The folds: Sum adds (counts since the last sample), Mean averages (gauges), Max keeps the largest (worst latencies).
const (
	Sum  Fold = "sum"
	Mean Fold = "mean"
	Max  Fold = "max"
)

// Figure is one sample of one named series.
type Figure struct {
	Name  string
	Fold  Fold
	Value float64
}

// cell is a minute in the making.
type cell struct {
	Fold  Fold
	Sum   float64
	Max   float64
	Count float64
}

func (c *cell) add(v float64) {
	if c.Count == 0 || v > c.Max {
		c.Max = v
	}
	c.Sum += v
	c.Count++
}

// value is what the minute comes to.
func (c *cell) value() float64 {
	switch {
	case c.Count == 0:
		return math.NaN()
	case c.Fold == Mean:
		return c.Sum / c.Count
	case c.Fold == Max:
		return c.Max
	default:
		return c.Sum
	}
}

// chunkKey names one series' hour.
type chunkKey struct {
	name string
	hour int64 // hours since 1970
}

// chunk is an hour of one series, minute by minute.
type chunk struct {
	fold   Fold
	points []float64 // at most 60
}

// set puts v at minute m, filling the minutes before it with "none".
func (c *chunk) set(m int, v float64) {
	for len(c.points) <= m {
		c.points = append(c.points, math.NaN())
	}
	c.points[m] = v
}

// folder gathers samples into the open minute and closed minutes into hours.
type folder struct {
	minute  int64 // of the open minute, minutes since 1970
	open    map[string]*cell
	hours   map[chunkKey]*chunk
	dirty   map[chunkKey]bool
	touched bool // the open minute changed since it was written
}

func newFolder() folder {
	return folder{open: map[string]*cell{}, hours: map[chunkKey]*chunk{}, dirty: map[chunkKey]bool{}}
}

// add puts figures into the minute of at, closing the open one where at lies in another.
func (f *folder) add(at time.Time, figures []Figure) {
	if m := at.Unix() / 60; m != f.minute {
		f.closeMinute()
		f.minute = m
	}
	for _, g := range figures {
		c := f.open[g.Name]
		if c == nil {
			c = &cell{Fold: g.Fold}
			f.open[g.Name] = c
		}
		c.add(g.Value)
	}
	f.touched = true
}

// closeMinute moves the open minute into its hour and forgets hours that are over and written.
func (f *folder) closeMinute() {
	hour, m := f.minute/60, int(f.minute%60)
	for name, c := range f.open {
		f.hour(chunkKey{name, hour}, c.Fold).set(m, c.value())
		f.dirty[chunkKey{name, hour}] = true
	}
	f.open = map[string]*cell{}
	for k := range f.hours {
		if k.hour < hour && !f.dirty[k] {
			delete(f.hours, k)
		}
	}
}

func (f *folder) hour(k chunkKey, fold Fold) *chunk {
	c := f.hours[k]
	if c == nil {
		c = &chunk{fold: fold}
		f.hours[k] = c
	}
	return c
}

// encode is the stored form of points.
func encode(points []float64) []byte {
	b := make([]byte, 0, 8*len(points))
	for _, v := range points {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

// decode reads at most 60 stored points; a torn tail is left out.
func decode(b []byte) []float64 {
	points := make([]float64, 0, 60)
	for len(b) >= 8 && len(points) < 60 {
		points = append(points, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		b = b[8:]
	}
	return points
}

// underlay puts stored points of an hour under those gathered since.
func (f *folder) underlay(k chunkKey, fold Fold, points []float64) {
	c := f.hour(k, fold)
	for m, v := range points {
		if m >= len(c.points) || math.IsNaN(c.points[m]) {
			c.set(m, v)
		}
	}
}

// resume takes up a minute that was open when the last process ended: on with it where it is still that minute, else into its hour.
func (f *folder) resume(m savedMinute) {
	if m.Minute == f.minute || len(f.open) == 0 {
		f.minute = m.Minute
		for name, old := range m.Cells {
			f.merge(name, old)
		}
		return
	}
	for name, old := range m.Cells {
		k := chunkKey{name, m.Minute / 60}
		f.hour(k, old.Fold).set(int(m.Minute%60), old.value())
		f.dirty[k] = true
	}
}

func (f *folder) merge(name string, old *cell) {
	c := f.open[name]
	if c == nil {
		f.open[name] = old
		return
	}
	c.Sum, c.Count, c.Max = c.Sum+old.Sum, c.Count+old.Count, max(c.Max, old.Max)
}
