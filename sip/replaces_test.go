package sip_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"pickup/account"
	"pickup/call"
	"pickup/callflow"
)

// tagOf is the tag in a From or To.
func tagOf(h string) string {
	_, tag, _ := strings.Cut(h, ";tag=")
	return tag
}

// proves sends an INVITE of a user with his credentials and returns what comes.
func (p *phone) proves(m message, login string) string {
	p.t.Helper()
	m.from = "<sip:" + login + "@127.0.0.1>;tag=own"
	p.send(p.text(m))
	first := p.response()
	if status(first) != 401 {
		return first
	}
	p.send(p.text(message{method: "ACK", callID: m.callID, user: m.user, from: m.from, to: header(first, "To"), cseq: m.cseq}))
	m.extra = append([]string{credentials(header(first, "WWW-Authenticate"), login, "demo-"+login, "INVITE", "sip:"+m.user+"@127.0.0.1", 1)}, m.extra...)
	m.cseq, m.branch = 2, ""
	p.send(p.text(m))
	return ""
}

// An attended transfer from the phone: the REFER names its other call with us.
func TestReferWithReplacesNamesALegOfOurs(t *testing.T) {
	for name, c := range map[string]struct {
		spoil  func(replaces string) string
		leg    bool // it is found
		status int  // refused at once; 0: told
	}{
		"his consultation": {func(s string) string { return s }, true, 0},
		"another from-tag": {func(s string) string { return s + "x" }, false, 0},
		"another call":     {func(s string) string { return "x" + s }, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				k := e.agentTalks("127.0.0.1:7001")
				k.proves(message{method: "INVITE", user: "support", callID: "consult", body: offer}, "1001")
				in := e.inbound()
				events(in.Leg)
				in.Leg.Answer()
				ok := k.response()
				k.send(k.text(message{method: "ACK", callID: "consult", from: header(ok, "From"), to: header(ok, "To"), cseq: 2}))
				replaces := c.spoil(fmt.Sprintf("consult;to-tag=%s;from-tag=own", tagOf(header(ok, "To"))))
				escaped := strings.NewReplacer(";", "%3B", "=", "%3D").Replace(replaces)
				k.send(k.in("REFER", "Refer-To: <sip:support@127.0.0.1?Replaces="+escaped+">"))
				ev := expect(t, k.ch, callflow.LegRefer, patience)
				want := call.LegID("")
				if c.leg {
					want = in.Leg.ID()
				}
				if ev.Refer.Replaces == nil || ev.Refer.Replaces.CallID != strings.Split(replaces, ";")[0] || ev.Refer.ReplacesLeg != want {
					t.Errorf("got %+v, %+v", ev.Refer, ev.Refer.Replaces)
				}
			})
		})
	}
}

// An INVITE with Replaces (RFC 3891): of the agent himself, for a dialog of his.
func TestInviteWithReplaces(t *testing.T) {
	for name, c := range map[string]struct {
		who   string // login, or "" for a stranger
		early bool   // the dialog rings yet
		spoil func(string) string
		want  int // 0: handed over
	}{
		"his talk":                    {"1001", false, nil, 0},
		"his phone that rings":        {"1001", true, nil, 0},
		"one that rings, early only":  {"1001", true, func(s string) string { return s + ";early-only" }, 0},
		"a talk, early only":          {"1001", false, func(s string) string { return s + ";early-only" }, 486},
		"unknown":                     {"1001", false, func(s string) string { return "x" + s }, 481},
		"another tag":                 {"1001", false, func(s string) string { return s + "x" }, 481},
		"without a tag":               {"1001", false, func(s string) string { s, _, _ = strings.Cut(s, ";from"); return s }, 400},
		"a tag twice":                 {"1001", false, func(s string) string { return s + ";from-tag=dev" }, 400},
		"of another agent":            {"1002", false, nil, 403},
		"of a stranger, who is asked": {"", false, nil, 401},
	} {
		t.Run(name, func(t *testing.T) {
			inVirtualTime(t, nil, func(t *testing.T, e *virtualEdge) {
				other := account.User{ID: "u1002", Login: "1002", Active: true, Role: account.RoleAgent}
				other.HA1MD5, other.HA1SHA256 = account.HA1("1002", "pickup", "demo-1002")
				e.store.users["1002"] = other
				var invite string
				if c.early {
					p := e.plug("127.0.0.1:7001")
					invite, _ = e.dialled(p)
					p.reply(invite, 180, "")
					synctest.Wait() // the leg has it
				} else {
					invite = e.agentTalks("127.0.0.1:7001").invite
				}
				replaces := fmt.Sprintf("%s;to-tag=%s;from-tag=dev", header(invite, "Call-ID"), tagOf(header(invite, "From")))
				if c.spoil != nil {
					replaces = c.spoil(replaces)
				}
				p := e.plug("127.0.0.1:7002")
				m := message{method: "INVITE", user: "pickup", callID: "takes", body: offer, extra: []string{"Replaces: " + replaces, "Require: replaces"}}
				var got string
				if c.who == "" {
					p.send(p.text(m))
					got = p.response()
				} else if got = p.proves(m, c.who); got == "" && c.want != 0 {
					got = p.response()
				}
				if c.want != 0 {
					if status(got) != c.want {
						t.Errorf("got %s, want %d", got, c.want)
					}
					return
				}
				in := e.inbound()
				if in.Replaces != "leg1" || in.Account != "u1001" {
					t.Errorf("got %+v", in)
				}
				events(in.Leg)
				in.Leg.End(call.Cause{Status: 486})
			})
		})
	}
}
