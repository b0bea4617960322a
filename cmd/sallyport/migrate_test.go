package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"sallyport/config"
)

var (
	codeSpan   = regexp.MustCompile("`([^`]+)`")
	settingKey = regexp.MustCompile(`^((?:http|database|tunnel|admin|app|alerts|history|log)(?:\.[a-z_]+)*)(?:: (.+))?$`)
)

// nested is the settings file in which key has value.
func nested(key, value string) string {
	var b strings.Builder
	names := strings.Split(key, ".")
	for depth, name := range names {
		b.WriteString(strings.Repeat("  ", depth) + name + ":")
		if depth < len(names)-1 {
			b.WriteString("\n")
		}
	}
	return b.String() + " " + value + "\n"
}

// TestMigrationGuideNamesWhatThereIs reads the second column of the guide's tables: each key in it is a setting, each value one that it takes,
// each command one of ours.
func TestMigrationGuideNamesWhatThereIs(t *testing.T) {
	text, err := os.ReadFile("../../deploy/MIGRATE.md")
	if err != nil {
		t.Fatal(err)
	}
	keys, values, commands := 0, 0, 0
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) < 2 {
			continue
		}
		for _, m := range codeSpan.FindAllStringSubmatch(cells[1], -1) {
			setting := settingKey.FindStringSubmatch(m[1])
			words := strings.Fields(m[1])
			switch {
			case setting != nil && setting[2] == "":
				keys++
				if _, found := config.Defaults().Setting(setting[1]); !found {
					t.Errorf("%s is no setting: %s", setting[1], line)
				}
			case setting != nil:
				values++
				inRoom(t, map[string]string{"s.yaml": nested(setting[1], setting[2])})
				if _, err := config.Load(config.Sources{File: "s.yaml"}); err != nil {
					t.Errorf("`%s` is not taken: %v", m[1], err)
				}
			case len(words) > 1 && words[0] == "sallyport":
				commands++
				if got := call(t, nil, append(words[1:], "--help")...); got.code != codeGood || !strings.Contains(got.out, words[len(words)-1]) {
					t.Errorf("%s is no command: %+v", m[1], got)
				}
			}
		}
	}
	if keys < 20 || values < 15 || commands < 4 {
		t.Errorf("the guide names %d keys, %d values and %d commands; was it read?", keys, values, commands)
	}
}
