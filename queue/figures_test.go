package queue_test

import (
	"testing"
	"time"

	"pickup/call"
	"pickup/queue"
)

func TestComputeHeadline(t *testing.T) {
	e := func(reason call.EndReason, seconds int) queue.EndedEntry {
		return queue.EndedEntry{Wait: time.Duration(seconds) * time.Second, Reason: reason, Bridged: reason.CountsAnswered()}
	}
	var entries []queue.EndedEntry
	for s := 1; s <= 20; s++ { // 2, 4, .. 40 s: 15 within 30 s
		entries = append(entries, e(call.EndAnswered, 2*s))
	}
	entries = append(
		entries,
		e(call.EndAbandonedOnHold, 30), // at the target counts; was bridged
		e(call.EndAbandoned, 50), e(call.EndAbandonedRinging, 9), e(call.EndShortAbandoned, 3),
		e(call.EndOverflowTime, 60), e(call.EndOverflowFull, 0), e(call.EndOverflowNoAgent, 0),
		e(call.EndCallbackRequested, 45), e(call.EndFailedSystem, 5), e(call.EndClosed, 5),
		queue.EndedEntry{},              // waits
		queue.EndedEntry{Bridged: true}, // talks, answered at once
	)
	f := queue.Compute(entries, 30*time.Second)
	want := queue.Figures{
		Offered: 32, Answered: 22, AnsweredInTarget: 17, Abandoned: 3, ShortAbandoned: 1, Overflowed: 3, CallbackRequested: 1,
		MeanWait: (420 + 30) * time.Second / 22, P50Wait: 20 * time.Second, P90Wait: 36 * time.Second, P95Wait: 38 * time.Second,
	}
	got := f
	got.Percent = nil
	if got != want {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	// headline/1: 17 / (22 + 3 + 3 - 1)
	if f.Percent == nil || *f.Percent != 100*17.0/27 {
		t.Errorf("percent: got %v, want %v", f.Percent, 100*17.0/27)
	}
}

func TestComputeCountsNothing(t *testing.T) {
	for name, entries := range map[string][]queue.EndedEntry{
		"no entries":          nil,
		"only short abandons": {{Reason: call.EndShortAbandoned}},
		"only callbacks":      {{Reason: call.EndCallbackRequested}},
		"one who waits":       {{}},
	} {
		if f := queue.Compute(entries, 30*time.Second); f.Percent != nil || f.Offered != len(entries) {
			t.Errorf("%s: got %+v", name, f)
		}
	}
}

func TestPercentilesAreNearestRank(t *testing.T) {
	for n, want := range map[int][3]time.Duration{1: {1, 1, 1}, 2: {1, 2, 2}, 10: {5, 9, 10}, 100: {50, 90, 95}} {
		var entries []queue.EndedEntry
		for i := n; i > 0; i-- {
			entries = append(entries, queue.EndedEntry{Wait: time.Duration(i), Reason: call.EndAnswered})
		}
		f := queue.Compute(entries, 0)
		if got := [3]time.Duration{f.P50Wait, f.P90Wait, f.P95Wait}; got != want {
			t.Errorf("of %d: got %v, want %v", n, got, want)
		}
	}
}

func TestComputeByChannelKeepsChannelsApart(t *testing.T) {
	q := queue.QueueConfig{Targets: map[call.Channel]time.Duration{call.ChannelEmail: time.Hour}}
	got := queue.ComputeByChannel([]queue.EndedEntry{
		{Channel: call.ChannelChat, Wait: 119 * time.Second, Reason: call.EndAnswered},
		{Channel: call.ChannelChat, Wait: 121 * time.Second, Bridged: true},
		{Channel: call.ChannelEmail, Wait: 2 * time.Hour, Reason: call.EndAnswered},
	}, q)
	chat, mail := got[call.ChannelChat], got[call.ChannelEmail]
	if len(got) != 2 || chat.Answered != 2 || chat.AnsweredInTarget != 1 || mail.Answered != 1 || mail.AnsweredInTarget != 0 {
		t.Errorf("got %+v", got)
	}
}
