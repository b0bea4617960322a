package config

import (
	"testing"
	"time"
)

func TestDurationsNeedAUnit(t *testing.T) {
	for in, want := range map[string]time.Duration{
		"30s": 30 * time.Second, "1h30m": 90 * time.Minute, "21d": 21 * 24 * time.Hour, "2w": 14 * 24 * time.Hour, "50ms": 50 * time.Millisecond,
		"1.5s": 1500 * time.Millisecond, "0": 0, "0s": 0, "10us": 10 * time.Microsecond,
	} {
		got, err := parseDuration(in)
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v; want %s", in, got, err, want)
		}
		if again, err := parseDuration(formatDuration(got)); err != nil || again != got {
			t.Errorf("%s is shown as %s, which reads as %s, %v", in, formatDuration(got), again, err)
		}
	}
	for _, in := range []string{"", "30", "s", "5 s", "-1s", "1y", "1e3s", "999999999999999999d", "1s1"} {
		if got, err := parseDuration(in); err == nil {
			t.Errorf("%q reads as %s, want it refused", in, got)
		}
	}
}

func TestSizesNeedAUnit(t *testing.T) {
	for in, want := range map[string]int64{"10MB": 10_000_000, "64KiB": 65536, "1GiB": 1 << 30, "0": 0, "512B": 512, "1.5KB": 1500, "2kB": 2000} {
		got, err := parseSize(in)
		if err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", in, got, err, want)
		}
		if again, err := parseSize(formatSize(got)); err != nil || again != got {
			t.Errorf("%s is shown as %s, which reads as %d, %v", in, formatSize(got), again, err)
		}
	}
	for _, in := range []string{"", "10", "10mb", "10Mb", "MB", "1 MB", "99999999999TB"} {
		if got, err := parseSize(in); err == nil {
			t.Errorf("%q reads as %d, want it refused", in, got)
		}
	}
}

func TestNearestFindsTyposOnly(t *testing.T) {
	known := []string{"listen", "upstream", "body_max", "max", "per"}
	for in, want := range map[string]string{"lisen": "listen", "upsteam": "upstream", "bodymax": "body_max", "mxa": "max", "Listen": "listen", "zzz": "", "colour": "", "pre": "per"} {
		if got := nearest(in, known); got != want {
			t.Errorf("nearest(%q) is %q, want %q", in, got, want)
		}
	}
}
