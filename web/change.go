package web

import (
	"context"
	"fmt"
	"time"

	"pickup/store"
)

// change makes a change of the site: durable first, then the audit row, then
// the engines are told.
func (s *Server) change(ctx context.Context, action, kind, objectID string, save func() error) error {
	if err := save(); err != nil {
		return err
	}
	err := s.parts.Store.LogAudit(ctx, store.Audit{
		At: time.Now(), Actor: who(ctx).user.ID, Action: action, ObjectKind: kind, ObjectID: objectID, IP: sourceOf(ctx).String(),
	})
	if err != nil {
		return err
	}
	if s.parts.Reconfigure == nil {
		return nil
	}
	// What is stored must be applied, also when the client is gone.
	if err := s.parts.Reconfigure(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("apply what was stored: %w", err)
	}
	return nil
}
