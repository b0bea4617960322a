package middleware

import (
	"context"
	"errors"
	"net/http"
	"testing"

	limiter "github.com/ulule/limiter/v3"
)

// lateStore answers its first question well, but only after during has run.
type lateStore struct {
	limiter.Store
	during func()
	err    error
}

func (s *lateStore) Get(ctx context.Context, key string, rate limiter.Rate) (limiter.Context, error) {
	if during := s.during; during != nil {
		s.during = nil
		during()
		return s.Store.Get(ctx, key, rate)
	}
	if s.err != nil {
		return limiter.Context{}, s.err
	}
	return s.Store.Get(ctx, key, rate)
}

func TestAnswerFromBeforeTheFailureDoesNotMakeTheStoreWell(t *testing.T) {
	st := NewState(nil)
	var told []error
	store := &lateStore{Store: st.Budgets, err: errors.New("connection refused")}
	e := engine(t, Defaults(), Parts{State: st, Store: store, OnStore: func(err error) { told = append(told, err) }}, ok)
	store.during = func() { call(e, http.MethodGet, "/") } // a later request finds the store ill before this one has its answer
	call(e, http.MethodGet, "/")
	if len(told) != 1 || told[0] == nil {
		t.Errorf("told %v, want the failure only: an alert that ends and begins again wakes people twice", told)
	}
	store.err = nil
	call(e, http.MethodGet, "/")
	if len(told) != 2 || told[1] != nil {
		t.Errorf("told %v, want the recovery after the next good answer", told)
	}
}
