package callflow

import (
	"fmt"
	"time"

	"pickup/callback"
	"pickup/ticket"
)

// Config of a Manager. Zero durations mean the defaults named.
type Config struct {
	MaxCalls      int           // calls at once; more are refused with 503. 0: 2000
	NoticeMax     time.Duration // how long a bridge waits for the recording notice: 6s
	MediaWait     time.Duration // how long a picked-up leg may take to have media: 6s
	AnnounceEvery time.Duration // between two announcements of the place: 45s
	KeepPlace     time.Duration // a waiting player whose line died keeps his place: 180s
	KeepAgent     time.Duration // a talking player whose line died keeps his agent: 45s
	MisClick      time.Duration // an agent who hangs up within this of the bridge lost the player by mistake: 2s
	CallbackRing  time.Duration // how long a called-back player's phone rings: 25s
	HumanCheck    time.Duration // how long he has to press 1, in all: 10s
	// Supersede is how long after its promise a callback gives its place without
	// a question to its player who calls again by himself; later he is asked.
	// 0: 300s; below 0: he is always asked.
	Supersede     time.Duration
	OutboundRing  time.Duration // how long a player whom an agent calls is rung: 60s
	TransferRing  time.Duration // how long who is given a player, or consulted, is rung: 25s
	HoldReminder  time.Duration // between two signs to the agent that he holds somebody: 60s
	ParkMax       time.Duration // a parked player whom nobody takes goes back to who parked him: 120s
	RetryAfter    time.Duration // told with 503: 10s
	CrashCallback bool          // who was cut by a crash gets a callback
	// Rules are those of callbacks as they stand; nil: a callback is announced
	// whenever the place is said. It must not block.
	Rules     func() *callback.Rules
	Country   string // of numbers written without one, where the caller ID of a queue tells no other (ISO 3166-1 alpha-2)
	Language  string // of callers who do not say: "fr"
	Record    bool   // record every talk
	Notice    bool   // say so before it starts: a bridge waits for the end of the sentence
	Tickets   ticket.Policy
	Menus     map[string]Menu   // by dialled name
	Greetings map[string]string // queue -> prompt id; others hear queue.greeting
	// OnChange is told of each change of a call, ticket, recording or callback
	// that a screen shows. It must not block.
	OnChange func(topic, id string)
}

// Menu is a choice by keys before a queue.
type Menu struct {
	Prompt      string          // prompt id: a whole sentence with every choice
	Queues      map[rune]string // key -> queue
	LanguageKey rune            // the other language; 0: none
	Default     string          // queue when no key is pressed twice
	Wait        time.Duration   // after the sentence, for a key: 5s
}

func orDefault(d *time.Duration, def time.Duration) {
	if *d == 0 {
		*d = def
	}
}

// withDefaults returns c with every zero value replaced.
func (c Config) withDefaults() Config {
	orDefault(&c.NoticeMax, 6*time.Second)
	orDefault(&c.MediaWait, 6*time.Second)
	orDefault(&c.AnnounceEvery, 45*time.Second)
	orDefault(&c.KeepPlace, 180*time.Second)
	orDefault(&c.KeepAgent, 45*time.Second)
	orDefault(&c.MisClick, 2*time.Second)
	orDefault(&c.CallbackRing, 25*time.Second)
	orDefault(&c.HumanCheck, 10*time.Second)
	orDefault(&c.OutboundRing, time.Minute)
	orDefault(&c.TransferRing, 25*time.Second)
	orDefault(&c.HoldReminder, time.Minute)
	orDefault(&c.ParkMax, 2*time.Minute)
	orDefault(&c.RetryAfter, 10*time.Second)
	orDefault(&c.Supersede, 300*time.Second)
	if c.MaxCalls == 0 {
		c.MaxCalls = 2000
	}
	if c.Language == "" {
		c.Language = "fr"
	}
	return c
}

// Check reports the first setting that cannot work, by its key in the settings.
func (c Config) Check() error {
	if c.MaxCalls < 0 {
		return fmt.Errorf("serve.max_calls: must be 1 or more, got %d", c.MaxCalls)
	}
	for name, menu := range c.Menus {
		if len(menu.Queues) == 0 || menu.Default == "" {
			return fmt.Errorf("menus.%s: needs at least one key and a default queue", name)
		}
	}
	return nil
}
