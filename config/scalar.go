package config

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// durationUnits are the units of a duration, sizeUnits those of a size; KB is 1000 bytes and KiB 1024.
var (
	durationUnits = map[string]int64{
		"ns": 1, "us": int64(time.Microsecond), "µs": int64(time.Microsecond), "ms": int64(time.Millisecond), "s": int64(time.Second),
		"m": int64(time.Minute), "h": int64(time.Hour), "d": int64(24 * time.Hour), "w": int64(7 * 24 * time.Hour),
	}
	sizeUnits = map[string]int64{
		"B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}
	amountPart = regexp.MustCompile(`^([0-9]{1,18}(?:\.[0-9]{1,9})?)([A-Za-zµ]+)`)
)

// parseDuration reads "30s", "1h30m", "21d" or "0".
func parseDuration(text string) (time.Duration, error) {
	n, ok := amount(text, durationUnits)
	if !ok {
		return 0, fmt.Errorf("is %s, want a duration with its unit, such as 30s, 15m, 12h or 7d", shown(text))
	}
	return time.Duration(n), nil
}

// parseSize reads "10MB", "64KiB" or "0" into bytes.
func parseSize(text string) (int64, error) {
	n, ok := amount(text, sizeUnits)
	if !ok {
		return 0, fmt.Errorf("is %s, want a size with its unit, such as 512KB, 10MB or 1GiB", shown(text))
	}
	return n, nil
}

// amount adds up the parts of text ("1h30m"); it is not ok where a unit is missing or unknown or the sum leaves int64.
func amount(text string, units map[string]int64) (int64, bool) {
	if text == "0" {
		return 0, true
	}
	sum := new(big.Rat)
	for rest := text; rest != "" || text == ""; {
		m := amountPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, false
		}
		unit, known := units[m[2]]
		n, ok := new(big.Rat).SetString(m[1])
		if !known || !ok {
			return 0, false
		}
		sum.Add(sum, n.Mul(n, new(big.Rat).SetInt64(unit)))
		rest = rest[len(m[0]):]
	}
	whole := new(big.Int).Quo(sum.Num(), sum.Denom())
	return whole.Int64(), whole.IsInt64()
}

// formatDuration is the shortest text that parseDuration reads back: "21d", "1h30m", "50ms".
func formatDuration(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	if d%(24*time.Hour) == 0 {
		return strconv.FormatInt(int64(d/(24*time.Hour)), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// formatSize is the shortest text that parseSize reads back.
func formatSize(n int64) string {
	best := strconv.FormatInt(n, 10) + "B"
	for _, unit := range []string{"TB", "GB", "MB", "KB", "TiB", "GiB", "MiB", "KiB"} {
		u := sizeUnits[unit]
		if text := strconv.FormatInt(n/u, 10) + unit; n != 0 && n%u == 0 && len(text) < len(best) {
			best = text
		}
	}
	return best
}

var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)

// parseInt reads a decimal number between low and high.
func parseInt(text string, low int64, high uint64) (int64, error) {
	if !wholeNumber.MatchString(text) {
		return 0, fmt.Errorf("is %s, want a whole number", shown(text))
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < low || (n > 0 && uint64(n) > high) {
		return 0, fmt.Errorf("is %s, want a number between %d and %d", shown(text), low, min(high, math.MaxInt64))
	}
	return n, nil
}

// shown is text for an error: quoted, cut to 60 bytes.
func shown(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "…"
	}
	if text == "" {
		return "empty"
	}
	if wholeNumber.MatchString(text) {
		return text
	}
	return strconv.Quote(text)
}
