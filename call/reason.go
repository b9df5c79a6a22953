package call

// EndReason is why an entry of the queue, and with it a call, ended. Exactly
// one is stored for each entry, so that the entries offered to a queue equal
// the sum of their end reasons.
type EndReason string

// The end reasons.
const (
	EndAnswered          EndReason = "answered"           // was bridged and ended in talk or after it
	EndAbandoned         EndReason = "abandoned"          // the player left while waiting
	EndShortAbandoned    EndReason = "short_abandoned"    // left with a wait below the short-abandon limit
	EndAbandonedRinging  EndReason = "abandoned_ringing"  // left while an agent's phone rang
	EndAbandonedOnHold   EndReason = "abandoned_on_hold"  // was bridged, left while held: counts as answered
	EndOverflowTime      EndReason = "overflow_time"      // waited longer than the queue's maximum
	EndOverflowFull      EndReason = "overflow_full"      // the queue held its maximum number of entries
	EndOverflowNoAgent   EndReason = "overflow_no_agent"  // nobody is signed in to serve the queue
	EndClosed            EndReason = "closed"             // the queue was closed
	EndExitKey           EndReason = "exit_key"           // left by a key to something else
	EndVoicemail         EndReason = "voicemail"          // left a message
	EndCallbackRequested EndReason = "callback_requested" // a callback was confirmed in his place
	EndCallbackDone      EndReason = "callback_done"      // a callback that reached its player
	EndCallbackFailed    EndReason = "callback_failed"    // a callback whose attempts are used up
	EndCallbackExpired   EndReason = "callback_expired"   // a callback past its last day
	EndCallbackCancelled EndReason = "callback_cancelled" // a callback nobody wants any more
	EndWithdrawn         EndReason = "withdrawn_by_supervisor"
	EndRejectedBlocked   EndReason = "rejected_blocked"
	EndNotReached        EndReason = "not_reached"   // an agent called a player who did not answer
	EndFailedSystem      EndReason = "failed_system" // crash or internal fault; blamed on nobody
)

// Reasons lists every end reason in the order in which reports show them.
var Reasons = [...]EndReason{
	EndAnswered, EndAbandoned, EndShortAbandoned, EndAbandonedRinging, EndAbandonedOnHold,
	EndOverflowTime, EndOverflowFull, EndOverflowNoAgent, EndClosed, EndExitKey, EndVoicemail,
	EndCallbackRequested, EndCallbackDone, EndCallbackFailed, EndCallbackExpired, EndCallbackCancelled,
	EndWithdrawn, EndRejectedBlocked, EndNotReached, EndFailedSystem,
}

// Valid reports whether r is one of the end reasons.
func (r EndReason) Valid() bool {
	for _, known := range Reasons {
		if r == known {
			return true
		}
	}
	return false
}

// CountsAnswered reports whether an entry that ended with r was bridged to an
// agent, as the service level counts it.
func (r EndReason) CountsAnswered() bool { return r == EndAnswered || r == EndAbandonedOnHold }

// CountsAbandoned reports whether r counts as an abandon in the service level.
// Short abandons are abandons too; the headline takes them out again.
func (r EndReason) CountsAbandoned() bool {
	return r == EndAbandoned || r == EndShortAbandoned || r == EndAbandonedRinging
}

// CountsOverflowed reports whether the entry left its queue by a rule of
// overflow.
func (r EndReason) CountsOverflowed() bool {
	return r == EndOverflowTime || r == EndOverflowFull || r == EndOverflowNoAgent
}
