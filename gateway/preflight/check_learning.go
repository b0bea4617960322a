package preflight

import (
	"context"
	"time"
)

// instanceLearning is GET /api/hardening/security, as far as it is used.
type instanceLearning struct {
	CrossDoor struct {
		Enabled, Learning, FromFile bool
		Mode                        string
		Until                       *time.Time
		RequestsLeft, Known         int
	}
}

// checkLearning tells whether the instance knows the app's statements already: until then it refuses by rules and by evidence that needs no
// knowledge of the app.
func checkLearning(ctx context.Context, site Site) Result {
	if !site.Config.Database.Enabled() {
		return skip("the settings name no database: database.upstream_file is not set")
	}
	var a instanceLearning
	if err := site.Instance.Get(ctx, "/api/hardening/security", &a); err != nil {
		return fail("", "the instance does not tell what it has learned: %v", err)
	}
	c := a.CrossDoor
	switch {
	case !c.Enabled:
		return skip("database.cross_door is off")
	case c.Learning && c.Until != nil:
		return ok("the app's statements are being learned: %d are known, and injections are refused by rules and hard evidence only, until %s or %d more requests; a file from sallyport learn ends that",
			c.Known, c.Until.Format(time.RFC3339), c.RequestsLeft)
	case c.FromFile:
		return ok("the app's statements are known from a file: %d structures", c.Known)
	}
	return ok("the app's statements are known: %d structures", c.Known)
}
