package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"

	"pickup/configs"
	"pickup/store"
)

// listing is one kind of object of the site: how the store lists it, and what a
// line of it says.
type listing[T any] struct {
	kind    string // as it is called in errors
	columns []string
	all     func(st *store.Store, ctx context.Context) ([]T, error)
	row     func(T) []any
	key     func(T) (id, name string)
}

// print lists the objects in columns.
func (l listing[T]) print(e *env) error {
	return e.withStore(func(ctx context.Context, _ *configs.Config, st *store.Store) error {
		all, err := l.all(st, ctx)
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, strings.Join(l.columns, "\t"))
		for _, one := range all {
			cells := l.row(one)
			for i, c := range cells {
				if i > 0 {
					fmt.Fprint(t, "\t")
				}
				fmt.Fprint(t, c)
			}
			fmt.Fprintln(t)
		}
		return t.Flush()
	})
}

// named returns the object of a name, whatever its case; ok is false when there
// is none.
func (l listing[T]) named(ctx context.Context, st *store.Store, name string) (one T, ok bool, err error) {
	all, err := l.all(st, ctx)
	for _, one := range all {
		if _, n := l.key(one); strings.EqualFold(n, name) {
			return one, true, err
		}
	}
	return one, false, err
}

// on does something to the object of a name, by its id.
func (l listing[T]) on(e *env, name string, do func(st *store.Store, ctx context.Context, id string) error) error {
	return e.withStore(func(ctx context.Context, _ *configs.Config, st *store.Store) error {
		one, ok, err := l.named(ctx, st, name)
		if err != nil {
			return err
		}
		if !ok {
			return fmt.Errorf("no %s %q", l.kind, name)
		}
		id, _ := l.key(one)
		return do(st, ctx, id)
	})
}
