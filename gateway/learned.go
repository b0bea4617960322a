package gateway

import (
	"bytes"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"sallyport/dbguard/screen"
)

// structuresAnswer is GET /api/hardening/structures: the statements that the app has shown, without their literals.
type structuresAnswer struct {
	Status     string             `json:"status"`
	Timestamp  string             `json:"timestamp"`
	APIVersion string             `json:"apiVersion"`
	Known      int                `json:"known"`
	Structures []screen.Structure `json:"structures"`
}

func (g *Gateway) getStructures(c *gin.Context) {
	a := structuresAnswer{Status: "ok", Timestamp: g.timestamp(), APIVersion: apiVersion, Structures: []screen.Structure{}}
	if g.database != nil {
		var file bytes.Buffer
		var l Learned
		if err := g.database.guard.Model().Save(&file); err == nil {
			_ = l.ReadFile(&file) // it is ours
		}
		a.Known, a.Structures = g.database.guard.Model().Len(), l.List()
	}
	c.JSON(http.StatusOK, a)
}

// Learned are statements without their literals, of a running gateway, a log or a file.
type Learned struct{ screen.Structures }

// Structure is one of them.
type Structure = screen.Structure

// LeftOut is a statement that cannot be learned, with the reason.
type LeftOut = screen.LeftOut

// ReadStatements adds the statements of SQL text or a log of PostgreSQL, for role; "" is any.
func (l *Learned) ReadStatements(r io.Reader, role string) error {
	return screen.EachStatement(r, func(sql string) { l.Add(sql, role) })
}
