package web

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"pickup/call"
	"pickup/queue"
	"pickup/report"
)

// maxWindow bounds the window of figures: they are computed from single entries.
const maxWindow = 31 * 24 * time.Hour

// ServiceLevel is the share of calls that were answered in time.
type ServiceLevel struct {
	TargetMS int64    `json:"target_ms"`
	Percent  *float64 `json:"percent" doc:"0 to 100; null when nothing counted."`
	Formula  string   `json:"formula" doc:"headline/1: answered within the target, over answered + abandoned + overflowed without short abandons."`
}

// QueueNow is a queue as it stands, with the figures of a window.
type QueueNow struct {
	ID                string            `json:"id"`
	Name              string            `json:"name"`
	Title             map[string]string `json:"title" doc:"What screens show, by language."`
	Enabled           bool              `json:"enabled"`
	Waiting           int               `json:"waiting"`
	LongestWaitMS     int64             `json:"longest_wait_ms"`
	EstimateLowMS     int64             `json:"estimate_low_ms"`
	EstimateHighMS    int64             `json:"estimate_high_ms"`
	AgentsReady       int               `json:"agents_ready"`
	AgentsBusy        int               `json:"agents_busy"`
	AgentsWrapUp      int               `json:"agents_wrap_up"`
	Offered           int               `json:"offered"`
	Answered          int               `json:"answered"`
	AnsweredInTarget  int               `json:"answered_in_target"`
	Abandoned         int               `json:"abandoned"`
	ShortAbandoned    int               `json:"short_abandoned"`
	Overflowed        int               `json:"overflowed"`
	CallbackRequested int               `json:"callback_requested"`
	MeanWaitMS        int64             `json:"mean_wait_ms"`
	P50WaitMS         int64             `json:"p50_wait_ms"`
	P90WaitMS         int64             `json:"p90_wait_ms"`
	P95WaitMS         int64             `json:"p95_wait_ms"`
	ServiceLevel      ServiceLevel      `json:"service_level"`
	Callbacks         CallbacksNow      `json:"callbacks" doc:"Of the callbacks that were confirmed in the window."`
	Channels          []ChannelNow      `json:"channels" nullable:"false" doc:"Written work, a row for each channel that has something live or counted; all fields above are those of calls."`
}

// CallbacksNow counts what was promised; GET /api/v1/callbacks lists each with
// figure, window and queue.
type CallbacksNow struct {
	Confirmed int      `json:"confirmed"`
	Reached   int      `json:"reached" doc:"They talked."`
	Kept      int      `json:"kept" doc:"They talked by the time that was promised."`
	Pending   int      `json:"pending" doc:"Stand, and are not late yet."`
	Late      int      `json:"late" doc:"All others."`
	Percent   *float64 `json:"percent" doc:"callback/1: kept of confirmed without pending, 0 to 100; null when there are none."`
}

// ChannelNow is one channel of writing in a queue as it stands, with its figures.
type ChannelNow struct {
	Channel          string       `json:"channel" enum:"chat,email,social,web_form,ticket"`
	Waiting          int          `json:"waiting" doc:"And offered."`
	LongestWaitMS    int64        `json:"longest_wait_ms"`
	Held             int          `json:"held" doc:"With an agent, active or set aside."`
	Offered          int          `json:"offered"`
	Answered         int          `json:"answered" doc:"An agent had it."`
	AnsweredInTarget int          `json:"answered_in_target"`
	Abandoned        int          `json:"abandoned"`
	MeanWaitMS       int64        `json:"mean_wait_ms"`
	P90WaitMS        int64        `json:"p90_wait_ms"`
	ServiceLevel     ServiceLevel `json:"service_level"`
}

// writtenChannels are the channels of writing, in the order in which they are shown.
var writtenChannels = [...]call.Channel{call.ChannelChat, call.ChannelEmail, call.ChannelSocial, call.ChannelWebForm, call.ChannelTicket}

func showChannels(v queue.QueueView, figures map[report.Key]*report.Sums) []ChannelNow {
	rows := []ChannelNow{}
	for _, ch := range writtenChannels {
		now, live := v.Channels[ch]
		f, known := figures[report.Key{Queue: strings.ToLower(v.Config.Name), Channel: ch}]
		if !live && !known {
			continue
		}
		if !known {
			f = &report.Sums{}
		}
		rows = append(rows, ChannelNow{
			Channel: string(ch), Waiting: now.Waiting, LongestWaitMS: now.LongestWait.Milliseconds(), Held: now.Held,
			Offered: counted(f, report.Offered), Answered: counted(f, report.Answered),
			AnsweredInTarget: counted(f, report.AnsweredInTarget), Abandoned: counted(f, report.Abandoned),
			MeanWaitMS: ms(report.ASA(f)), P90WaitMS: ms(report.WaitPercentile(f, 90)),
			ServiceLevel: ServiceLevel{v.Config.TargetOf(ch).Milliseconds(), maybeFloat(report.ServiceLevel(f)), "headline/1"},
		})
	}
	return rows
}

// QueueSettings is a queue as it is configured.
type QueueSettings struct {
	Name          string            `json:"name" pattern:"^[a-z0-9][a-z0-9._-]{0,62}$" doc:"Dialled name, lower case."`
	Title         map[string]string `json:"title,omitempty"`
	Enabled       *bool             `json:"enabled,omitempty" default:"true" nullable:"false" doc:"Without it: true."`
	TargetMS      int64             `json:"target_ms" minimum:"1000" maximum:"3600000" default:"30000" required:"false"`
	TargetPercent int               `json:"target_percent" minimum:"1" maximum:"100" default:"80" required:"false"`
	MaxWaitMS     int64             `json:"max_wait_ms" minimum:"0" maximum:"86400000" default:"0" required:"false" doc:"0: no limit."`
	MaxLength     int               `json:"max_length" minimum:"0" maximum:"100000" default:"0" required:"false" doc:"0: no limit."`
	WrapUpMS      int64             `json:"wrap_up_ms" minimum:"0" maximum:"3600000" default:"0" required:"false"`
	CallerID      *string           `json:"caller_id,omitempty" pattern:"^(\\+[1-9][0-9]{2,14})?$" nullable:"false" doc:"E.164 number that callbacks show by a trunk; empty: that of the trunk. Without it, it stays."`
	Strategy      *string           `json:"strategy,omitempty" enum:"longest_idle,least_occupied,fewest_calls,round_robin,linear,weighted_random,most_skilled,ring_all,progressive" nullable:"false" doc:"Who among the free agents of the best rank gets a call. Without it, it stays; a new queue has longest_idle."`
	RequireText   *string           `json:"require,omitempty" maxLength:"2000" nullable:"false" doc:"Skills of who answers, as \"payments 3, chat 2? | vip\": alternatives of skills with a level, ? behind an optional one; empty: none. Without it, it stays."`
	LanguageLevel *int              `json:"language_level,omitempty" minimum:"0" maximum:"5" nullable:"false" doc:"Of the skill language:fr of who answers a caller in French; 0: whoever. Without it, it stays."`
	RelaxLevelMS  *int64            `json:"relax_level_ms,omitempty" minimum:"0" maximum:"3600000" nullable:"false" doc:"Wait after which any level of a skill is enough; 0: never. Without it, it stays."`
	RelaxOptMS    *int64            `json:"relax_optional_ms,omitempty" minimum:"0" maximum:"3600000" nullable:"false" doc:"Wait after which optional skills are dropped; 0: never. Without it, it stays."`
	RelaxLangMS   *int64            `json:"relax_language_ms,omitempty" minimum:"0" maximum:"3600000" nullable:"false" doc:"Wait after which the language is dropped; 0: never. Without it, it stays."`
	RingMost      *int              `json:"ring_most,omitempty" minimum:"0" maximum:"20" nullable:"false" doc:"Agents who ring at a time by ring_all and progressive, 2 to 20; 0: 10. Without it, it stays."`
	RingStepMS    *int64            `json:"ring_step_ms,omitempty" minimum:"0" maximum:"60000" nullable:"false" doc:"After which these ring more agents, 1000 or more; 0: 5000. Without it, it stays."`
	Hours         *string           `json:"hours,omitempty" maxLength:"64" nullable:"false" doc:"Name of its opening hours; empty: always open. Without it, they stay."`

	Overflow *OverflowSettings `json:"overflow,omitempty" nullable:"false" doc:"Where callers go who cannot stay. Without it, the rules stay."`
}

// QueueObject is a stored queue with its members.
type QueueObject struct {
	ID string `json:"id"`
	QueueSettings
	Members []QueueMember `json:"members" nullable:"false"`
}

// QueueMember is an agent of a queue.
type QueueMember struct {
	AgentID string `json:"agent_id"`
	Rank    int    `json:"rank" minimum:"0" maximum:"1000" doc:"Lower is tried first."`
	DelayMS int64  `json:"delay_ms" minimum:"0" maximum:"3600000" doc:"He gets items of the queue after they have waited so long."`
}

type (
	queuesInput struct {
		Window string `query:"window" default:"today" maxLength:"100" doc:"today (in the site's time zone), a duration such as 30m, or FROM..TO in RFC 3339."`
	}
	// QueueNameInput names a queue by the path.
	QueueNameInput struct {
		Name string `path:"name" maxLength:"64"`
	}
	newQueueInput struct{ Body QueueSettings }
	putQueueInput struct {
		QueueNameInput
		Body QueueSettings
	}
	// MemberInput names a member of a queue by the path.
	MemberInput struct {
		QueueNameInput
		AgentID string `path:"agent_id" maxLength:"64"`
	}
	putMemberInput struct {
		MemberInput
		Body struct {
			Rank    int   `json:"rank" minimum:"0" maximum:"1000" default:"0" required:"false"`
			DelayMS int64 `json:"delay_ms" minimum:"0" maximum:"3600000" default:"0" required:"false"`
		}
	}
)

func (s *Server) queueOperations(api huma.API) {
	const path, one, member = "/api/v1/queues", "/api/v1/queues/{name}", "/api/v1/queues/{name}/members/{agent_id}"
	register(api, act{
		id: "list-queues", method: http.MethodGet, path: path, tag: "queues", rule: everyone,
		summary: "Queues as they stand, with the figures of a window",
	}, s.listQueues)
	register(api, act{
		id: "get-queue", method: http.MethodGet, path: one, tag: "queues", rule: seesAll,
		summary: "A queue as it is configured", errors: []int{http.StatusNotFound},
	}, s.getQueue)
	register(api, act{
		id: "create-queue", method: http.MethodPost, path: path, tag: "queues", rule: administers,
		summary: "Make a queue", status: http.StatusCreated, errors: []int{http.StatusConflict},
	}, s.createQueue)
	register(api, act{
		id: "put-queue", method: http.MethodPut, path: one, tag: "queues", rule: manages,
		summary: "Change a queue; administrators may make one", errors: []int{http.StatusConflict},
	}, s.putQueue)
	register(api, act{
		id: "delete-queue", method: http.MethodDelete, path: one, tag: "queues", rule: administers,
		summary: "Delete a queue; who waits in it is still served", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, s.deleteQueue)
	register(api, act{
		id: "put-member", method: http.MethodPut, path: member, tag: "queues", rule: manages,
		summary: "Let an agent serve a queue", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, s.putMember)
	register(api, act{
		id: "delete-member", method: http.MethodDelete, path: member, tag: "queues", rule: manages,
		summary: "Take an agent out of a queue", status: http.StatusNoContent, errors: []int{http.StatusNotFound},
	}, s.deleteMember)
}

func (s *Server) listQueues(ctx context.Context, in *queuesInput) (*listOutput[QueueNow], error) {
	from, to, err := parseWindow(in.Window, time.Now(), s.cfg.Location)
	if err != nil {
		return nil, problem(http.StatusUnprocessableEntity, "", err.Error(), "query.window")
	}
	entries, err := s.parts.Store.EndedEntries(ctx, "", from, to)
	if err != nil {
		return nil, s.fail(ctx, "read the entries of queues", err)
	}
	text, err := s.parts.Store.TextEntries(ctx, "", from, to)
	if err != nil {
		return nil, s.fail(ctx, "read the written entries of queues", err)
	}
	promises, err := s.parts.Store.CallbackFigures(ctx, from, to, time.Now())
	if err != nil {
		return nil, s.fail(ctx, "count the callbacks of queues", err)
	}
	views := s.parts.Queue.Queues()
	figures := figuresNow(views, entries, text)
	return page(views, "", func(v queue.QueueView) QueueNow {
		calls := figures[report.Key{Queue: strings.ToLower(v.Config.Name), Channel: call.ChannelCall}]
		if calls == nil {
			calls = &report.Sums{}
		}
		row := showQueue(v, calls)
		row.Channels = showChannels(v, figures)
		p := promises[v.Config.Name]
		row.Callbacks = CallbacksNow{p.Confirmed, p.Reached, p.Kept, p.Pending, p.Confirmed - p.Kept - p.Pending, p.Percent()}
		return row
	}), nil
}

// figuresNow sums entries for each queue and channel, against the targets of now.
func figuresNow(views []queue.QueueView, entries ...[]report.Entry) map[report.Key]*report.Sums {
	targets := make(map[string]queue.QueueConfig, len(views))
	for _, v := range views {
		targets[strings.ToLower(v.Config.Name)] = v.Config
	}
	all := map[report.Key]*report.Sums{}
	for _, some := range entries {
		for i := range some {
			e := &some[i]
			k := report.Key{Queue: strings.ToLower(e.Queue), Channel: e.Channel}
			if all[k] == nil {
				all[k] = &report.Sums{}
			}
			q := targets[k.Queue]
			all[k].AddEntry(e, q.TargetOf(e.Channel))
		}
	}
	return all
}

func counted(s *report.Sums, c report.Count) int { return int(s.N[c]) }

// ms is a figure in whole milliseconds.
func ms(v report.Value) int64 { return int64(v.Float()) }

// maybeFloat is a figure; nil where it is not known.
func maybeFloat(v report.Value) *float64 {
	if !v.Known() {
		return nil
	}
	f := v.Float()
	return &f
}

func showQueue(v queue.QueueView, f *report.Sums) QueueNow {
	title := v.Config.Title
	if title == nil {
		title = map[string]string{}
	}
	return QueueNow{
		ID: v.Config.ID, Name: v.Config.Name, Title: title, Enabled: v.Config.Enabled,
		Waiting: v.Waiting, LongestWaitMS: v.LongestWait.Milliseconds(),
		EstimateLowMS: v.EstimateLow.Milliseconds(), EstimateHighMS: v.EstimateHigh.Milliseconds(),
		AgentsReady: v.AgentsReady, AgentsBusy: v.AgentsBusy, AgentsWrapUp: v.AgentsWrapUp,
		Offered: counted(f, report.Offered), Answered: counted(f, report.Answered), AnsweredInTarget: counted(f, report.AnsweredInTarget),
		Abandoned: counted(f, report.Abandoned), ShortAbandoned: counted(f, report.ShortAbandoned),
		Overflowed: counted(f, report.Overflowed), CallbackRequested: counted(f, report.CallbackRequested),
		MeanWaitMS: ms(report.ASA(f)), P50WaitMS: ms(report.WaitPercentile(f, 50)),
		P90WaitMS: ms(report.WaitPercentile(f, 90)), P95WaitMS: ms(report.WaitPercentile(f, 95)),
		ServiceLevel: ServiceLevel{v.Config.Target.Milliseconds(), maybeFloat(report.ServiceLevel(f)), "headline/1"},
	}
}

// parseWindow reads a window of figures: today, a duration up to now, or
// FROM..TO, at most maxWindow long.
func parseWindow(text string, now time.Time, where *time.Location) (from, to time.Time, err error) {
	if text == "" || text == "today" {
		year, month, day := now.In(where).Date()
		return time.Date(year, month, day, 0, 0, 0, 0, where), now.Add(time.Minute), nil
	}
	if first, second, ok := strings.Cut(text, ".."); ok {
		if from, err = time.Parse(time.RFC3339, first); err != nil {
			return from, to, fmt.Errorf("the start is not an RFC 3339 time: %q", first)
		}
		if to, err = time.Parse(time.RFC3339, second); err != nil {
			return from, to, fmt.Errorf("the end is not an RFC 3339 time: %q", second)
		}
		if !from.Before(to) || to.Sub(from) > maxWindow {
			return from, to, fmt.Errorf("the window must be longer than nothing and at most %d days", int(maxWindow.Hours()/24))
		}
		return from, to, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > maxWindow {
		return from, to, fmt.Errorf("not a window: use today, a duration up to %d days such as 30m, or FROM..TO", int(maxWindow.Hours()/24))
	}
	return now.Add(-d), now.Add(time.Minute), nil
}
