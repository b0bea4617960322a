package main

import (
	"os"
	"strings"
	"testing"
)

// mappedOfProgram is how much of this program's file is mapped, in bytes, and in how many places.
func mappedOfProgram(t *testing.T) (bytes int64, places int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	all := untouched(strings.NewReader(string(text)), program)
	for _, m := range all {
		bytes += m.resident
	}
	return bytes, len(all)
}

func TestWhatOnlyTheStartNeededIsNotKeptMapped(t *testing.T) {
	before, places := mappedOfProgram(t)
	if places == 0 {
		t.Fatal("no mapping of the program was found")
	}
	if err := dropStartPages(); err != nil {
		t.Fatal(err)
	}
	if after, _ := mappedOfProgram(t); after > before*2/3 {
		t.Errorf("got %d KB of the program mapped, %d KB before, want at most two thirds", after>>10, before>>10)
	}
}

func TestOnlyUnwrittenMappingsOfTheProgramAreDropped(t *testing.T) {
	const smaps = `00400000-0168c000 r-xp 00000000 fe:00 9977957                            /opt/sallyport
Size:              18992 kB
Rss:               12720 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
0168c000-0296e000 r--p 0128c000 fe:00 9977957                            /opt/sallyport
Rss:               12872 kB
Anonymous:             4 kB
0296e000-02a31000 rw-p 0256e000 fe:00 9977957                            /opt/sallyport
Rss:                 652 kB
Anonymous:             0 kB
6ca79800000-6ca7a400000 rw-p 00000000 00:00 0
Rss:                6876 kB
7f190d790000-7f190da10000 r--p 00000000 fe:00 12                         /usr/lib/other
Rss:                  64 kB
Anonymous:             0 kB
7f190d790000-7f190da10000 r--s 00000000 fe:00 12                         /opt/sallyport
Rss:                  64 kB
Anonymous:             0 kB
`
	got := untouched(strings.NewReader(smaps), "/opt/sallyport")
	if want := (mapping{0x400000, 0x168c000, 12720 << 10}); len(got) != 1 || got[0] != want {
		t.Errorf("got %+v, want %+v alone", got, want)
	}
}
