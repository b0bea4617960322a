package preflight

import (
	"encoding/xml"
	"io"
	"strings"
)

// junitSuite is a test suite in the form that CI systems read.
type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	Seconds float64    `xml:"time,attr"`
	Failure *junitText `xml:"failure,omitempty"`
	Skipped *junitText `xml:"skipped,omitempty"`
	Out     string     `xml:"system-out,omitempty"`
}

type junitText struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit writes results as one suite. A warning is a passed case whose text tells it.
func JUnit(w io.Writer, name string, results []Result) error {
	suite := junitSuite{Name: "sallyport." + name, Tests: len(results)}
	for _, r := range results {
		c := junitCase{Name: r.Check, Class: suite.Name, Seconds: float64(r.Ms) / 1000}
		more := strings.Join(append(append([]string{}, r.Evidence...), r.Fix), "\n")
		switch r.Status {
		case Fail:
			suite.Failures++
			c.Failure = &junitText{r.Found, more}
		case Skip:
			suite.Skipped++
			c.Skipped = &junitText{Message: r.Found}
		default:
			c.Out = string(r.Status) + ": " + r.Found
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(suite); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}
