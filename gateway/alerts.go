package gateway

// startAlerts runs whoever tells people, as one of the helpers.
func (g *Gateway) startAlerts(*crew) {}
