package preflight

import (
	"bytes"
	"encoding/xml"
	"testing"
)

func TestJUnitCountsAndEscapes(t *testing.T) {
	var out bytes.Buffer
	err := JUnit(&out, "smoke", []Result{
		{Check: "a", Status: OK, Found: "fine"},
		{Check: "b", Status: Fail, Found: `<script>"&`, Evidence: []string{"one"}, Fix: "mend"},
		{Check: "c", Status: Skip, Found: "needs b"},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got junitSuite
	if err := xml.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if got.Tests != 3 || got.Failures != 1 || got.Skipped != 1 || got.Cases[1].Failure == nil || got.Cases[1].Failure.Message != `<script>"&` || got.Cases[1].Failure.Text != "one\nmend" {
		t.Errorf("got %+v from\n%s", got, out.String())
	}
}
