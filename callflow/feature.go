package callflow

import (
	"context"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/internal/logkey"
	"pickup/media"
	"pickup/queue"
)

// feature is what an agent dials to work from his phone alone.
type feature int

const (
	featureNone     feature = iota
	featureReady            // *45
	featureNotReady         // *46
	featureEndWrap          // *47
)

// featureOf returns the feature of a dialled name.
func featureOf(user string) feature {
	switch user {
	case "*45":
		return featureReady
	case "*46":
		return featureNotReady
	case "*47":
		return featureEndWrap
	default:
		return featureNone
	}
}

// featureMax is how long a feature call lasts at most: answer, confirmation, BYE.
const featureMax = 2800 * time.Millisecond

// startFeature answers a feature code: the state changes, the agent hears it,
// and his phone is free again within 3 s.
func (m *Manager) startFeature(f feature, in Inbound) *Refusal {
	if in.Account == "" {
		return m.refuse(&Refusal{Status: 403, Text: "Forbidden"})
	}
	m.spawn(func() { m.runFeature(m.life, f, in) })
	return nil
}

func (m *Manager) runFeature(ctx context.Context, f feature, in Inbound) {
	signals := make(chan LegEvent, 16)
	sounds := make(chan media.Event, 16)
	offer := func(e LegEvent) {
		select {
		case signals <- e:
		default:
		}
	}
	m.setFeature(in.Leg.ID(), true)
	defer m.setFeature(in.Leg.ID(), false)
	in.Leg.Bind(offer)
	in.Leg.Media().Bind(func(e media.Event) {
		select {
		case sounds <- e:
		default:
		}
	})
	m.queue.Occupy(in.Account, true)
	defer m.queue.Occupy(in.Account, false)
	in.Leg.Answer()
	language := in.Language
	if language == "" {
		language = m.cfg.Language
	}
	in.Leg.Media().Play("feature", language, m.apply(ctx, f, in.Account))
	limit := time.NewTimer(featureMax)
	defer limit.Stop()
	for {
		select {
		case e := <-signals:
			switch e.Kind {
			case LegFinal:
				return
			default:
			}
		case e := <-sounds:
			if e.Kind == media.EventPlayed {
				in.Leg.End(call.Cause{Status: 200, Text: "Done"})
			}
		case <-limit.C:
			in.Leg.End(call.Cause{Status: 200, Text: "Done"})
		case <-ctx.Done():
			in.Leg.End(call.Cause{Status: 503, Text: "Server stops"})
			return
		}
	}
}

// apply changes the agent's state and returns the prompt that says it.
func (m *Manager) apply(ctx context.Context, f feature, who account.ID) string {
	var err error
	prompt := promptReady
	switch f {
	case featureReady:
		err = m.queue.SetState(ctx, who, queue.AgentReady, "phone")
	case featureNotReady:
		prompt = promptNotReady
		err = m.queue.SetState(ctx, who, queue.AgentNotReady, "phone")
	case featureEndWrap:
		prompt = promptWrapEnded
		err = m.queue.EndWrapUp(ctx, who)
	case featureNone:
	}
	if err != nil {
		m.log.Info("feature refused", logkey.Agent, string(who), logkey.Err, err)
		return promptRefused
	}
	return prompt
}
