package gateway

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// problem is an error of the admin API as RFC 9457 has it, with a timestamp.
type problem struct {
	Type      string `json:"type"`
	Title     string `json:"title"`
	Status    int    `json:"status"`
	Detail    string `json:"detail,omitempty"`
	Timestamp string `json:"timestamp"`
}

// refuse ends c with a problem document.
func refuse(c *gin.Context, status int, detail string) {
	c.Abort()
	c.Header("Content-Type", "application/problem+json")
	c.Header("Cache-Control", "no-store")
	c.JSON(status, problem{"about:blank", http.StatusText(status), status, detail, time.Now().UTC().Format(time.RFC3339)})
}
