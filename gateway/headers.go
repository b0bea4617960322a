package gateway

import (
	"net/http"
	"net/http/httptest"
	"slices"

	"github.com/gin-gonic/gin"

	"sallyport/config"
	"sallyport/middleware"
)

// notSecurity are names on every answer that harden nothing.
var notSecurity = []string{"Content-Length", "Content-Type", "Date", "Ratelimit", "Ratelimit-Policy", "Vary", "X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "X-Request-Id"}

// dressed returns the security headers that an answer bears under cfg, and their names sorted: it sends one request through the
// stages and looks.
func dressed(cfg config.Config) ([]string, http.Header, error) {
	chain, err := middleware.Chain(cfg.HTTP.Door, middleware.Parts{
		State: middleware.NewState(nil), PublicURL: cfg.PublicURL, Development: cfg.Environment == "development",
	})
	if err != nil {
		return nil, nil, err
	}
	e := gin.New()
	e.Use(chain...)
	e.NoRoute(func(c *gin.Context) { c.Status(http.StatusNoContent) })
	w := httptest.NewRecorder()
	e.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	names := []string{}
	for name := range w.Result().Header {
		if !slices.Contains(notSecurity, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, w.Result().Header, nil
}
