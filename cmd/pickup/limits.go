package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"pickup/account"
	"pickup/call"
	"pickup/configs"
	"pickup/queue"
	"pickup/store"
)

// applyLimits stores the limits that a site names, beside those that the user has.
func applyLimits(ctx context.Context, st *store.Store, u account.User, site map[string]configs.SiteLimit) error {
	all, err := st.Limits(ctx)
	if err != nil {
		return err
	}
	limits := maps.Clone(all[u.ID])
	if limits == nil {
		limits = map[call.Channel]queue.Limit{}
	}
	for _, name := range slices.Sorted(maps.Keys(site)) {
		ch, s := call.Channel(name), site[name]
		l := queue.DefaultLimit(ch)
		for to, from := range map[*int]*int{&l.Max: s.Max, &l.Parked: s.Parked, &l.Weight: s.Weight} {
			if from != nil {
				*to = *from
			}
		}
		if err := l.Check(ch); err != nil {
			if fault, ok := errors.AsType[*queue.LimitError](err); ok {
				return fmt.Errorf("users[%s].limits.%s: must be %s, got %s", u.Login, fault.Field, fault.Limit, fault.Value)
			}
			return err
		}
		limits[ch] = l
	}
	if maps.Equal(limits, all[u.ID]) {
		return nil
	}
	if err := st.SetLimits(ctx, u.ID, limits); err != nil {
		return fmt.Errorf("store limits of %s: %w", u.Login, err)
	}
	return nil
}

// limitForm is how a limit is written on the command line.
const limitForm = "CHANNEL=MAX[:WEIGHT[:PARKED]]"

// parseLimit reads one limit of the command line.
func parseLimit(text string) (channel string, l configs.SiteLimit, err error) {
	channel, figures, ok := strings.Cut(text, "=")
	parts := strings.Split(figures, ":")
	if !ok || len(parts) > 3 {
		return "", l, fmt.Errorf("limit %q: must be %s, as chat=2:50", text, limitForm)
	}
	for i, to := range []**int{&l.Max, &l.Weight, &l.Parked}[:len(parts)] {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return "", l, fmt.Errorf("limit %q: %q must be a whole number", text, parts[i])
		}
		*to = &n
	}
	return channel, l, nil
}

// limitText is a user's limits as `pickup user list` shows them; those of the
// defaults are not said.
func limitText(limits map[call.Channel]queue.Limit) string {
	var all []string
	for _, ch := range queue.TextChannels() {
		if l, ok := limits[ch]; ok && l != queue.DefaultLimit(ch) {
			all = append(all, fmt.Sprintf("%s=%d:%d:%d", ch, l.Max, l.Weight, l.Parked))
		}
	}
	if len(all) == 0 {
		return "-"
	}
	return strings.Join(all, ",")
}
