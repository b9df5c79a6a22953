package main

import (
	"context"

	"pickup/account"
	"pickup/call"
	"pickup/callback"
	"pickup/callflow"
	"pickup/queue"
	"pickup/web"
)

// liveCalls shows the web edge the live calls of the manager.
type liveCalls struct {
	*callflow.Manager
	queue *queue.Domain
}

var _ web.Calls = liveCalls{}

func (l liveCalls) view(v callflow.View) web.LiveCall {
	c := web.LiveCall{
		Record: v.Record, Timeline: v.Timeline, Place: v.Place,
		CallbackPossible: v.Record.From.ReachBack != "" && v.Record.CallbackID == "" && v.Record.State.InQueue(),
	}
	if v.AgentLogin != "" {
		c.AgentName = v.AgentLogin
		for _, a := range l.queue.Agents() {
			if a.Login == v.AgentLogin {
				c.AgentName = a.Name
			}
		}
	}
	return c
}

// Live implements web.LiveCalls.
func (l liveCalls) Live(id call.ID) (web.LiveCall, bool) {
	v, ok := l.Manager.Live(id)
	return l.view(v), ok
}

// AllLive implements web.LiveCalls.
func (l liveCalls) AllLive() []web.LiveCall {
	var all []web.LiveCall
	for _, v := range l.Manager.AllLive() {
		all = append(all, l.view(v))
	}
	return all
}

// ByResume implements web.LiveCalls.
func (l liveCalls) ByResume(tokenSHA256 string) (web.LiveCall, bool) {
	v, ok := l.Manager.ByResume(tokenSHA256)
	return l.view(v), ok
}

// ResumeBrowser implements web.LiveCalls.
func (l liveCalls) ResumeBrowser(_ context.Context, tokenSHA256 string, leg callflow.Leg) (call.ID, error) {
	return l.Resume(tokenSHA256, leg)
}

// Hangup implements web.LiveCalls.
func (l liveCalls) Hangup(ctx context.Context, id call.ID, by string) error {
	return l.Manager.Hangup(ctx, id, account.ID(by))
}

// RequestCallback implements web.Promises.
func (l liveCalls) RequestCallback(ctx context.Context, id call.ID, by string) (callback.Callback, error) {
	return l.Manager.RequestCallback(ctx, id, account.ID(by))
}

// Schedule implements web.Promises.
func (l liveCalls) Schedule(ctx context.Context, c callback.Callback) (callback.Callback, error) {
	return l.AddCallback(ctx, c)
}
