package report

// Figure is one row of the dictionary of figures.
type Figure struct {
	Name    string // as the API, exports and screens write it
	Formula string // for people
	Source  Source // says by which instant it falls into an interval; "" for agents' states
	// Items is the count whose list is behind the figure: the numerator of a
	// count, the denominator of a mean, the numerator of a share.
	Items Count
	Of    func(*Sums) Value
}

func number(c Count) func(*Sums) Value {
	return func(s *Sums) Value { return Value{float64(s.N[c]), 0, Number} }
}

func wait(p int) func(*Sums) Value { return func(s *Sums) Value { return WaitPercentile(s, p) } }

// QueueFigures are the figures of a queue or a channel, in the order of reports.
func QueueFigures() []Figure {
	all := []Figure{{"offered", "entries put in the queue = sum of the end reasons and of those that have not ended", SourceEntries, Offered, number(Offered)}}
	for _, c := range []Count{Answered, AnsweredInTarget, Abandoned, ShortAbandoned, Overflowed, CallbackRequested, Open} {
		all = append(all, Figure{string(c), "number of entries", SourceEntries, c, number(c)})
	}
	all = append(
		all,
		Figure{"service_level", "headline/1: answered within target / (answered + abandoned + overflowed - short abandoned)", SourceEntries, AnsweredInTarget, ServiceLevel},
		Figure{"service_level_strict", "answered within target / offered", SourceEntries, AnsweredInTarget, ServiceLevelStrict},
		Figure{"service_level_inclusive", "(answered + abandoned, within target) / (answered + abandoned)", SourceEntries, AnsweredInTarget, ServiceLevelInclusive},
		Figure{"service_level_neutral", "answered within target / (answered + abandoned beyond target)", SourceEntries, AnsweredInTarget, ServiceLevelNeutral},
		Figure{"service_level_answered", "answered within target / answered", SourceEntries, AnsweredInTarget, ServiceLevelAnswered},
		Figure{"asa", "sum of waits of answered / answered", SourceEntries, Answered, ASA},
		Figure{"average_wait", "sum of waits / offered", SourceEntries, Offered, AverageWait},
		Figure{"p50_wait", "median wait of answered, nearest rank", SourceEntries, Answered, wait(50)},
		Figure{"p90_wait", "90th percentile of the wait of answered, nearest rank", SourceEntries, Answered, wait(90)},
		Figure{"p95_wait", "95th percentile of the wait of answered, nearest rank", SourceEntries, Answered, wait(95)},
		Figure{"longest_wait", "longest wait of answered", SourceEntries, Answered, LongestWait},
		Figure{"abandon_rate", "(abandoned - short) / (offered - short)", SourceEntries, Abandoned, AbandonRate},
		Figure{"abandon_rate_raw", "abandoned / offered", SourceEntries, Abandoned, AbandonRateRaw},
		Figure{"time_to_abandon", "sum of waits of abandoned / abandoned", SourceEntries, Abandoned, TimeToAbandon},
		Figure{"overflow_rate", "overflowed / offered", SourceEntries, Overflowed, OverflowRate},
	)
	all = append(all, handlingFigures()...)
	all = append(all, callFigures()...)
	return append(
		all,
		Figure{"estimate_error", "median of |middle of the estimate told - wait that followed|", SourceCalls, Promised, EstimateError},
		Figure{"estimate_kept", "waits within the upper bound told / estimates told to who was bridged", SourceCalls, PromiseKept, EstimateKept},
		Figure{"callbacks_confirmed", "callbacks confirmed", SourceCallbacks, CallbacksConfirmed, number(CallbacksConfirmed)},
		Figure{"callback_service_level", "callbacks reached within the promised window / confirmed", SourceCallbacks, CallbacksInWindow, CallbackServiceLevel},
		Figure{"callback_reached", "callbacks reached / confirmed", SourceCallbacks, CallbacksReached, CallbackReached},
		Figure{"callback_attempts", "attempts of the reached / reached", SourceCallbacks, CallbacksReached, AttemptsPerSuccess},
		Figure{"time_to_callback", "time from confirmation to connection / reached", SourceCallbacks, CallbacksReached, TimeToCallback},
		Figure{"callback_rate", "callbacks requested / offered", SourceEntries, CallbackRequested, CallbackRate},
	)
}

// AgentFigures are the figures of an agent, in the order of reports.
func AgentFigures() []Figure {
	var all []Figure
	for _, c := range counting[SourceOffers] {
		all = append(all, Figure{string(c), "number of offers", SourceOffers, c, number(c)})
	}
	all = append(
		all,
		Figure{"answer_rate", "offers answered / offers", SourceOffers, OffersAnswered, AnswerRate},
		Figure{"missed_rate", "offers timed out / (offers - taken back)", SourceOffers, OffersMissed, MissedRate},
	)
	all = append(all, handlingFigures()...)
	all = append(all, callFigures()...)
	return append(
		all,
		Figure{"occupancy", "handling / (handling + idle ready)", "", "", Occupancy},
		Figure{"utilisation", "handling / signed in", "", "", Utilisation},
	)
}

func handlingFigures() []Figure {
	return []Figure{
		{"handled", "calls that an agent released", SourceHandlings, Handled, number(Handled)},
		{"aht", "(dialling + talk + hold + wrap-up) / handled", SourceHandlings, Handled, AHT},
		{"mean_talk", "talk / handled", SourceHandlings, Handled, MeanTalk},
		{"mean_hold", "hold / handled", SourceHandlings, Handled, MeanHold},
		{"mean_hold_held", "hold / handled with a hold", SourceHandlings, HandledHeld, MeanHoldHeld},
		{"longest_hold", "longest single hold", SourceHandlings, HandledHeld, LongestHold},
		{"holds_per_call", "holds / handled", SourceHandlings, Handled, HoldsPerCall},
		{"mean_wrap_up", "wrap-up / handled", SourceHandlings, Handled, MeanWrapUp},
	}
}

func callFigures() []Figure {
	return []Figure{
		{"calls_ended", "calls that ended after a bridge", SourceCalls, CallsEnded, number(CallsEnded)},
		{"transfer_rate", "calls given away / calls ended", SourceCalls, Transferred, TransferRate},
		{"transfer_rate_blind", "given away without a word / calls ended", SourceCalls, TransferredBlnd, BlindTransferRate},
		{"transfer_rate_attended", "given away after a consultation / calls ended", SourceCalls, TransferredAttd, AttendedTransferRate},
		{"transfer_rate_external", "given away to a number / calls ended", SourceCalls, TransferredOut, ExternalTransferRate},
		{"consult_rate", "calls with a consultation / calls ended", SourceCalls, Consulted, ConsultRate},
		{"conference_rate", "calls with a conference / calls ended", SourceCalls, Conferenced, ConferenceRate},
		{"agent_hung_up_rate", "released first by the agent / calls ended", SourceCalls, AgentHungUp, AgentHungUpRate},
		{"abnormal_end_rate", "dead media, failed leg or restart / calls ended", SourceCalls, AbnormalEnd, AbnormalEndRate},
	}
}
