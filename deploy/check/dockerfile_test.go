package check

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

func TestProveDockerfileIsWhatBuildKitTakes(t *testing.T) {
	text, err := os.Open("../../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	tree, err := parser.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range tree.Warnings {
		t.Errorf("line %v: %s", w.Location, w.Short)
	}
	lint := linter.New(&linter.Config{ExperimentalAll: true, Warn: func(rule, _, _, msg string, where []parser.Range) { t.Errorf("%s: %s %v", rule, msg, where) }})
	stages, _, err := instructions.Parse(tree.AST, lint)
	if err != nil {
		t.Fatal(err)
	}
	last := stages[len(stages)-1]
	if !strings.HasPrefix(last.BaseName, "gcr.io/distroless/static-") || !strings.HasSuffix(last.BaseName, ":nonroot") {
		t.Errorf("the image is made from %s, want distroless static, nonroot", last.BaseName)
	}
	checkLast(t, last.Commands)
}

// checkLast wants what the image promises to those who run it.
func checkLast(t *testing.T, commands []instructions.Command) {
	t.Helper()
	var labels []string
	user, healthy, exec := "", false, false
	for _, c := range commands {
		switch c := c.(type) {
		case *instructions.UserCommand:
			user = c.User
		case *instructions.HealthCheckCommand:
			healthy = c.Health != nil && slices.Equal(c.Health.Test, []string{"CMD", "/sallyport", "health"})
		case *instructions.EntrypointCommand:
			exec = !c.PrependShell && slices.Equal(c.CmdLine, []string{"/sallyport"})
		case *instructions.LabelCommand:
			for _, l := range c.Labels {
				labels = append(labels, strings.Trim(l.Key, `"`))
			}
		case *instructions.RunCommand:
			t.Errorf("%s runs in an image without a shell", c.String())
		}
	}
	if user != "65532:65532" || !healthy || !exec {
		t.Errorf("user %q, health check %v, entry point %v; want nonroot by number, sallyport health, and no shell", user, healthy, exec)
	}
	for _, l := range []string{"title", "description", "licenses", "version", "revision"} {
		if !slices.Contains(labels, "org.opencontainers.image."+l) {
			t.Errorf("label org.opencontainers.image.%s is missing", l)
		}
	}
}
