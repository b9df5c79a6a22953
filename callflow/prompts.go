package callflow

import (
	"fmt"
	"time"

	"pickup/call"
	"pickup/queue"
)

// Ids of the prompts that a call plays: whole sentences of the catalogue.
const (
	promptGreeting   = "queue.greeting"
	promptNotice     = "consent.notice"
	promptPleaseWait = "please.wait"
	promptGoodbye    = "goodbye"
	promptLanguage   = "language.changed"
	promptMusicOn    = "music.on"
	promptMusicOff   = "music.off"
	promptInvalid    = "dtmf.invalid"
	promptOffer      = "callback.offer"
	promptConfirmed  = "callback.confirmed"
	promptNoCallback = "callback.refused"
	promptHello      = "callback.hello"
	promptConnecting = "callback.connecting"
	promptPaused     = "recording.paused"
	promptResumed    = "recording.resumed"
	promptFull       = "queue.full"
	promptClosed     = "closed"
	promptOverflow   = "overflow"
	promptNoAgents   = "no.agents"
	promptDraining   = "draining"
	promptReady      = "agent.ready"
	promptNotReady   = "agent.not_ready"
	promptWrapEnded  = "agent.wrap_up_ended"
	promptRefused    = "agent.refused"
	promptOpen       = "callback.already_open"
	promptKeep       = "callback.keep_or_cancel"
	promptLater      = "callback.later"
	promptPlayerLeft = "player.left"
	promptEnter      = "callback.enter_number"
	promptNumberIs   = "callback.number_is"
	promptNumberKeys = "callback.number_keys"
	promptStay       = "callback.stay"

	promptNumberInvalid = "callback.number_invalid"
	promptNumberRefused = "callback.number_refused"
)

// Prompts lists every prompt id a call may play, so that a test can hold the
// catalogue against it.
func Prompts() []string {
	ids := []string{
		promptGreeting, promptNotice, promptPleaseWait, promptGoodbye, promptLanguage, promptMusicOn, promptMusicOff,
		promptInvalid, promptOffer, promptConfirmed, promptNoCallback, promptHello, promptConnecting, promptPaused,
		promptResumed, promptFull, promptClosed, promptOverflow, promptNoAgents, promptDraining, promptReady,
		promptNotReady, promptWrapEnded, promptRefused, promptOpen, promptKeep, promptLater, promptPlayerLeft,
		promptEnter, promptNumberIs, promptNumberKeys, promptStay, promptNumberInvalid, promptNumberRefused,
	}
	for n := range 10 {
		ids = append(ids, fmt.Sprintf("digit.%d", n))
	}
	for n := 1; n <= 21; n++ {
		ids = append(ids, positionPrompt(n))
	}
	for _, minutes := range estimates {
		ids = append(ids, fmt.Sprintf("ewt.%d", minutes))
	}
	return append(ids, "ewt.lt1", "ewt.gt30")
}

// promptFor is the last sentence for an end that the queue decided.
func promptFor(reason call.EndReason) string {
	switch reason {
	case call.EndOverflowTime:
		return promptOverflow
	case call.EndOverflowNoAgent:
		return promptNoAgents
	case call.EndOverflowFull:
		return promptFull
	default:
		return promptClosed
	}
}

// positionPrompt says a place in the line: one sentence each up to twenty.
func positionPrompt(n int) string {
	if n > 20 {
		return "queue.position.more"
	}
	return fmt.Sprintf("queue.position.%d", n)
}

// estimates are the minutes for which there is a sentence.
var estimates = [...]int{1, 2, 3, 4, 5, 7, 10, 15, 20, 30}

// estimatePrompt says an estimate by its upper bound, rounded up: a promise
// kept early is no lie.
func estimatePrompt(high time.Duration) string {
	if high < time.Minute {
		return "ewt.lt1"
	}
	for _, m := range estimates {
		if high <= time.Duration(m)*time.Minute {
			return fmt.Sprintf("ewt.%d", m)
		}
	}
	return "ewt.gt30"
}

// placePrompts says where a player stands, what he may expect, and how he can
// be called back in place of waiting.
func placePrompts(p queue.Place, reachable bool) []string {
	var ids []string
	if p.AgentsOnDuty == 0 {
		ids = append(ids, promptNoAgents)
	} else if p.Position > 0 {
		ids = append(ids, positionPrompt(p.Position))
	}
	if p.EstimateHigh > 0 {
		ids = append(ids, estimatePrompt(p.EstimateHigh))
	}
	if reachable {
		ids = append(ids, promptOffer)
	}
	return ids
}
