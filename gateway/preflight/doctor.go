package preflight

// Doctor are the checks of sallyport doctor in dependency order.
func Doctor() []Check {
	return []Check{
		{Name: "secrets", Run: checkSecrets},
		{Name: "secret-permissions", Needs: []string{"secrets"}, Run: checkPermissions},
		{Name: "settings-frozen", Run: checkFrozen},
		{Name: "environment", Run: checkEnvironment},
		{Name: "clock", Run: checkClock},
		{Name: "disk", Run: checkDisk},
		{Name: "open-files", Run: checkOpenFiles},
		{Name: "localhost", Run: checkLocalhost},
		{Name: "split-port", Run: checkSplitPort},
		{Name: "wrong-owner", Needs: []string{"split-port"}, Run: checkOwners},
		{Name: "pid-files", Run: checkPIDFiles},
		{Name: "app", Needs: []string{"split-port"}, Run: checkApp},
		{Name: "written-ports", Run: checkWrittenPorts},
		{Name: "database", Needs: []string{"secrets"}, Run: checkDatabase},
		{Name: "instance", Needs: []string{"split-port"}, Run: checkInstance},
		{Name: "database-door", Needs: []string{"instance", "database"}, Run: checkDatabaseDoor},
		{Name: "database-bypass", Needs: []string{"instance", "database"}, Run: checkBypass},
		{Name: "learning", Needs: []string{"instance"}, Run: checkLearning},
		{Name: "replicas", Needs: []string{"instance"}, Run: checkReplicas},
		{Name: "doors-meet", Needs: []string{"replicas", "app"}, Run: checkMeeting},
		{Name: "history", Run: checkHistory},
		{Name: "tunnel-rule", Run: checkTunnelRule},
		{Name: "public-url", Needs: []string{"instance"}, Run: checkPublicURL},
		{Name: "admin-private", Needs: []string{"public-url"}, Run: checkAdminPrivate},
		{Name: "alerts", Run: checkAlerts},
	}
}
