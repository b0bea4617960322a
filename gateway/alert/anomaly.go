package alert

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"sallyport/gateway/journal"
)

// Series is one quantity over an hour, beside the same hour of past days.
type Series struct {
	// Name is what a person calls it: "requests", "server errors", "query latency", "refusals".
	Name string
	// Now is the value of the hour under judgement; Past are those of the same hour on earlier days, in any order.
	Now  float64
	Past []float64
	// Floor is a spread below which nothing is unusual: counts near zero jump by whole multiples.
	Floor float64
	// Drops reports that too little is a finding too.
	Drops bool
	// Weekly reports that Past are of the same day of the week.
	Weekly bool
}

const (
	fewestPast = 4   // earlier hours without which nothing can be called usual
	zLimit     = 3.5 // robust z-score beyond which a value is an outlier (Iglewicz and Hoaglin)
	ratioUp    = 1.5 // and it must be this many times the usual, so that a quiet series does not cry over little
	ratioDown  = 0.5
	toSigma    = 1.4826 // median absolute deviation to standard deviation of a normal distribution
)

// Anomaly is a value that is far from what is usual at that hour.
type Anomaly struct {
	Name  string
	Usual float64 // median of the past
	Z     float64 // robust z-score
	Ratio float64 // value over usual; +Inf where the usual is zero
	// Weekly reports that the usual is that of the same day of the week.
	Weekly bool
}

// Unusual judges s by the median and the median absolute deviation of its past, which a few odd days do not move.
func Unusual(s Series) (Anomaly, bool) {
	if len(s.Past) < fewestPast {
		return Anomaly{}, false
	}
	usual := median(s.Past)
	off := make([]float64, len(s.Past))
	for i, v := range s.Past {
		off[i] = math.Abs(v - usual)
	}
	spread := max(toSigma*median(off), s.Floor, usual*0.05, math.SmallestNonzeroFloat64)
	a := Anomaly{Name: s.Name, Usual: usual, Z: (s.Now - usual) / spread, Ratio: s.Now / usual, Weekly: s.Weekly}
	if usual == 0 {
		a.Ratio = math.Inf(1)
	}
	up := a.Z > zLimit && a.Ratio >= ratioUp
	down := s.Drops && a.Z < -zLimit && a.Ratio <= ratioDown
	return a, up || down
}

// Faults returns an anomaly fault for each unusual series, in their order; hour is the local time of the hour judged.
// Its causes are "ANOMALY_" and the name.
func Faults(hour time.Time, all []Series) []Fault {
	var found []Fault
	for _, s := range all {
		if a, odd := Unusual(s); odd {
			found = append(found, Fault{Cause: AnomalyCause(s.Name), Severity: journal.Warning, Summary: a.Words(hour)})
		}
	}
	return found
}

// AnomalyCause is the cause of an anomaly in the series of that name.
func AnomalyCause(name string) string {
	return "ANOMALY_" + strings.ToUpper(strings.ReplaceAll(name, " ", "_"))
}

// Words says a as people do: "requests 4.1 × the usual Tuesday 14:00".
func (a Anomaly) Words(hour time.Time) string {
	when := hour.Format("15:04")
	if a.Weekly {
		when = hour.Format("Monday 15:04")
	}
	if math.IsInf(a.Ratio, 1) {
		return fmt.Sprintf("%s where there are usually none at %s", a.Name, when)
	}
	return fmt.Sprintf("%s %.1f × the usual %s", a.Name, a.Ratio, when)
}

// median of v, which is not changed and not empty.
func median(v []float64) float64 {
	s := slices.Sorted(slices.Values(v))
	n := len(s)
	if n%2 == 1 {
		return s[n/2]
	}
	return (s[n/2-1] + s[n/2]) / 2
}
