package sip_test

import (
	"testing"
	"time"

	"pickup/account"
	"pickup/call"
	"pickup/callflow"
	"pickup/sip"
)

// steps of a device and the seconds at which an OPTIONS may go to it.
func TestWhenADeviceIsAskedByOPTIONS(t *testing.T) {
	device := account.Binding{AOR: "1001", Key: "k", UserID: "u1001", Received: "udp:192.0.2.7:5060"}
	moved := device
	moved.Received = "udp:192.0.2.8:5060"
	tests := map[string]struct {
		steps    func(k *sip.Keeper)
		quiet    time.Duration // nothing is asked until then
		asked    time.Duration // it is asked by then; 0: not within the hour
		rungable int           // devices that can be rung at the end
	}{
		"a new device is asked in time for an answer within thirty seconds": {
			func(k *sip.Keeper) { k.Register(device) }, 15 * time.Second, 23 * time.Second, 1,
		},
		"a device that registers again has answered": {
			func(k *sip.Keeper) { k.Register(device); k.Wait(14 * time.Second); k.Register(device) }, 15 * time.Second, 23 * time.Second, 1,
		},
		"a device that is in a dialog is not asked": {
			func(k *sip.Keeper) { k.Register(device); k.Enter(); k.Wait(10 * time.Minute) }, time.Hour, 0, 1,
		},
		"not by the end of one of two dialogs either": {
			func(k *sip.Keeper) { k.Register(device); k.Enter(); k.Enter(); k.Leave(false) }, time.Hour, 0, 1,
		},
		"a dialog that it ended itself was its answer": {
			func(k *sip.Keeper) { k.Register(device); k.Enter(); k.Wait(10 * time.Minute); k.Leave(false) }, 15 * time.Second, 23 * time.Second, 1,
		},
		"a dialog that ended in silence is a reason to ask soon": {
			func(k *sip.Keeper) { k.Register(device); k.Enter(); k.Wait(10 * time.Minute); k.Leave(true) }, time.Second, 6 * time.Second, 1,
		},
		"an address that is new begins anew, dialogs stay": {
			func(k *sip.Keeper) { k.Register(device); k.Enter(); k.Register(moved) }, time.Hour, 0, 1,
		},
		"one that answers is asked again later": {
			func(k *sip.Keeper) { k.Register(device); k.Wait(30 * time.Second); k.Ask(true) }, 15 * time.Second, 23 * time.Second, 1,
		},
		"one that never answered is not judged": {
			func(k *sip.Keeper) { k.Register(device); k.Wait(30 * time.Second); k.Ask(false) }, 15 * time.Second, 23 * time.Second, 1,
		},
		"one that answered once and then not is out and asked every ten seconds": {
			func(k *sip.Keeper) {
				k.Register(device)
				k.Wait(30 * time.Second)
				k.Ask(true)
				k.Wait(30 * time.Second)
				k.Ask(false)
			}, 9 * time.Second, 11 * time.Second, 0,
		},
		"a dialog that began meanwhile outweighs the missing answer": {
			func(k *sip.Keeper) {
				k.Register(device)
				k.Wait(30 * time.Second)
				k.Ask(true)
				k.Wait(30 * time.Second)
				k.Begin()
				k.Enter()
				k.Wait(6 * time.Second)
				k.Judge(false)
			}, time.Hour, 0, 1,
		},
		"a REGISTER that came meanwhile outweighs the missing answer": {
			func(k *sip.Keeper) {
				k.Register(device)
				k.Wait(30 * time.Second)
				k.Ask(true)
				k.Wait(30 * time.Second)
				k.Begin()
				k.Wait(time.Second)
				k.Register(device)
				k.Judge(false)
			}, 15 * time.Second, 23 * time.Second, 1,
		},
		"a device that is out is asked, dialog or not": {
			func(k *sip.Keeper) { k.Register(device); k.Enter(); k.Fail() }, 4 * time.Second, 6 * time.Second, 0,
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			k := sip.NewKeeper("1001", "k")
			c.steps(k)
			if n := k.Devices("u1001"); n != c.rungable {
				t.Errorf("%d devices can be rung, want %d", n, c.rungable)
			}
			if k.Due(c.quiet) {
				t.Errorf("asked within %v", c.quiet)
			}
			if c.asked != 0 && !k.Due(c.asked) {
				t.Errorf("not asked within %v", c.asked)
			}
		})
	}
}

// Telephony 1.4: a phone has answered within 30 s, a page within 10 s and with a
// microphone that works; whoever never answered is not judged.
func TestWhatAnAgentsDevicesAreTold(t *testing.T) {
	phone := account.Binding{AOR: "1001", Key: "k", UserID: "u1001", Received: "udp:192.0.2.7:5060"}
	page := account.Binding{AOR: "1001", Key: "k", UserID: "u1001", Received: "wss:192.0.2.7:40000"}
	for name, c := range map[string]struct {
		steps func(*sip.Keeper)
		want  callflow.Presence
	}{
		"a page that answers": {func(k *sip.Keeper) { k.Register(page); k.Wait(4 * time.Second); k.Ask(true) }, callflow.Presence{Devices: 1}},
		"a page that answered once": {func(k *sip.Keeper) {
			k.Register(page)
			k.Wait(4 * time.Second)
			k.Ask(true)
			k.Wait(4 * time.Second)
			k.Ask(false)
		}, callflow.Presence{Silent: 1, Why: callflow.CauseNoResponse}},
		"a page whose microphone is gone": {
			func(k *sip.Keeper) { k.Register(page); k.Wait(4 * time.Second); k.Deaf() }, callflow.Presence{Silent: 1, Why: callflow.CauseMicrophone},
		},
		"and does not come back by a REGISTER": {
			func(k *sip.Keeper) { k.Register(page); k.Wait(4 * time.Second); k.Deaf(); k.Register(page) }, callflow.Presence{Silent: 1, Why: callflow.CauseMicrophone},
		},
		"but by the next answer": {
			func(k *sip.Keeper) {
				k.Register(page)
				k.Wait(4 * time.Second)
				k.Deaf()
				k.Wait(4 * time.Second)
				k.Ask(true)
			}, callflow.Presence{Devices: 1},
		},
		"a phone that failed a call":     {func(k *sip.Keeper) { k.Register(phone); k.Fail() }, callflow.Presence{Silent: 1, Why: callflow.CauseNoResponse}},
		"a phone that registers again":   {func(k *sip.Keeper) { k.Register(phone); k.Fail(); k.Register(phone) }, callflow.Presence{Devices: 1}},
		"a phone that answers again":     {func(k *sip.Keeper) { k.Register(phone); k.Fail(); k.Wait(10 * time.Second); k.Ask(true) }, callflow.Presence{Devices: 1}},
		"a phone that never answered":    {func(k *sip.Keeper) { k.Register(phone); k.Wait(24 * time.Second); k.Ask(false) }, callflow.Presence{Devices: 1}},
		"nothing is registered any more": {func(*sip.Keeper) {}, callflow.Presence{}},
	} {
		t.Run(name, func(t *testing.T) {
			k := sip.NewKeeper("1001", "k")
			c.steps(k)
			if got := k.Presence("u1001"); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
	k := sip.NewKeeper("1001", "k")
	k.Register(page)
	k.Wait(4 * time.Second)
	k.Ask(true)
	if k.Due(2*time.Second) || !k.Due(5*time.Second) { // and 5 s for the answer: 10 s at most
		t.Error("a page is not asked 2 to 5 s after its answer")
	}
}

// A device is in a dialog from its first answer to our INVITE to the end, and
// from its own INVITE to the end.
func TestCallsOfADeviceStandForItsOPTIONS(t *testing.T) {
	e := startEdge(t, nil)
	p := e.phone()
	_, ch := e.ring(p)
	due := func(want bool, when string) {
		t.Helper()
		if got := e.AskedWithin("1001", 10*time.Minute); got != want {
			t.Fatalf("%s: asked is %v, want %v", when, got, want)
		}
	}
	due(true, "before any answer")
	invite := p.request("INVITE")
	p.reply(invite, 180, "")
	expect(t, ch, callflow.LegRinging, patience)
	due(false, "ringing")
	p.reply(invite, 200, offer)
	expect(t, ch, callflow.LegAnswered, patience)
	p.request("ACK")
	due(false, "talking")
	p.send(p.text(message{method: "BYE", user: "x", callID: header(invite, "Call-ID"), to: header(invite, "From"), from: header(invite, "To") + ";tag=dev"}))
	p.response()
	expect(t, ch, callflow.LegHungUp, patience)
	expect(t, ch, callflow.LegFinal, patience)
	due(true, "after the call")

	call1 := message{method: "INVITE", user: "*45", callID: "star", from: "<sip:1001@127.0.0.1>;tag=s", body: offer}
	p.send(p.text(call1))
	challenge := p.response()
	call1.cseq, call1.extra = 2, []string{credentials(header(challenge, "WWW-Authenticate"), "1001", "demo-1001", "INVITE", "sip:*45@127.0.0.1", 1)}
	p.send(p.text(call1))
	in := e.inbound()
	due(false, "calling us")
	ch = events(in.Leg)
	in.Leg.End(call.Cause{Status: 486})
	expect(t, ch, callflow.LegFinal, patience)
	due(true, "refused")
}
