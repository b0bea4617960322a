package crossdoor

import (
	"fmt"
	"time"
)

// Settings bound what the window keeps and how long it searches.
type Settings struct {
	// Requests is how many requests may be held at once; further ones pass unread and count as full.
	Requests int `yaml:"requests" doc:"requests whose inputs are held at once"`
	// Values and ValueMax, RequestMax bound one request's inputs: how many, and bytes of one and of all.
	Values     int   `yaml:"values" doc:"inputs kept of one request"`
	ValueMax   int64 `yaml:"value_max" unit:"bytes" doc:"bytes kept of one input"`
	RequestMax int64 `yaml:"request_max" unit:"bytes" doc:"bytes kept of all inputs of one request, variants included"`
	// Memory bounds the inputs of all requests together.
	Memory int64 `yaml:"memory" unit:"bytes" doc:"bytes kept of all requests together"`
	// Late is how long a finished request stays, for reports only.
	Late time.Duration `yaml:"late" doc:"how long a finished request stays known, for reports only"`
	// Budget is the time one statement's search may take.
	Budget time.Duration `yaml:"budget" doc:"time that the search for one statement may take"`
	// Lexes is how many counterfactual readings one statement may cost.
	Lexes int `yaml:"lexes" doc:"counterfactual readings that one statement may cost"`
	// Fail is open or closed: what a search that was given up for time means.
	Fail string `yaml:"fail" doc:"what a search that was given up for time means: open: nothing; closed: a statement that grew out of a known one is refused"`
}

// Defaults returns the settings that were measured to be cheap and sufficient.
func Defaults() Settings {
	return Settings{
		Requests: 4096, Values: 256, ValueMax: 8 << 10, RequestMax: 64 << 10, Memory: 64 << 20,
		Late: 2 * time.Second, Budget: time.Millisecond, Lexes: 24, Fail: "open",
	}
}

// Validate returns every mistake; each begins with the key.
func (s Settings) Validate() []error {
	var bad []error
	atLeast := func(key string, got, want int64) {
		if got < want {
			bad = append(bad, fmt.Errorf("%s is %d, want %d or more", key, got, want))
		}
	}
	atLeast("requests", int64(s.Requests), 1)
	atLeast("values", int64(s.Values), 1)
	atLeast("value_max", s.ValueMax, 64)
	atLeast("request_max", s.RequestMax, s.ValueMax)
	atLeast("memory", s.Memory, s.RequestMax)
	atLeast("lexes", int64(s.Lexes), 0)
	if s.Late < 0 {
		bad = append(bad, fmt.Errorf("late is %s, want 0s or more", s.Late))
	}
	if s.Budget <= 0 {
		bad = append(bad, fmt.Errorf("budget is %s, want more than 0s", s.Budget))
	}
	if s.Fail != "open" && s.Fail != "closed" {
		bad = append(bad, fmt.Errorf("fail is %q, want open or closed", s.Fail))
	}
	return bad
}
