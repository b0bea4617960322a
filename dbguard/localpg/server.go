package localpg

import "context"

type instance struct{}

func start(context.Context, Options) (*Server, error) { return nil, ErrNoBinaries }

// URL is a connection string for the superuser and the database.
func (s *Server) URL(database string) string { return "" }

// Stop ends the server and removes its folder. It may be called twice.
func (s *Server) Stop() error { return nil }
