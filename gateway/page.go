package gateway

import "github.com/gin-gonic/gin"

// pageRoutes serves the page at / to whom the admin listener lets in.
func (g *Gateway) pageRoutes(inside *gin.RouterGroup) {}
