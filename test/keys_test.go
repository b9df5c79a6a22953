//go:build e2e

package test

import (
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
)

// keyTones are the frequencies of the keys (ITU-T Q.23).
var keyTones = map[rune][2]float64{
	'1': {697, 1209}, '2': {697, 1336}, '3': {697, 1477}, '4': {770, 1209}, '5': {770, 1336}, '6': {770, 1477},
	'7': {852, 1209}, '8': {852, 1336}, '9': {852, 1477}, '0': {941, 1336},
}

// pressed puts keys of 80 ms into audio of 8 kHz, one each 200 ms from a second on.
func pressed(pcm []int16, from float64, keys string) {
	at := int(from * 8000)
	for _, key := range keys {
		for i := range 640 {
			x := 2 * math.Pi * float64(i) / 8000
			pcm[at+i] = int16(3000*math.Sin(keyTones[key][0]*x) + 3000*math.Sin(keyTones[key][1]*x))
		}
		at += 1600
	}
}

// stretches of audio in which keys are heard: for each 40 ms whether a tone of the
// keys stands out.
func keyHeard(frame []float64, rate int) bool {
	low, high := 0.0, 0.0
	for _, hz := range keyTones {
		low = max(low, power(frame, hz[0], rate))
		high = max(high, power(frame, hz[1], rate))
	}
	return db(low) > -50 && db(high) > -50
}

// silences are the stretches without a key of more than half a second, in tenths of
// a second, between keys.
func silences(pcm []float64, rate int) (found []int) {
	n := rate / 25
	last := -1
	for at := 0; at+n <= len(pcm); at += n {
		if !keyHeard(pcm[at:at+n], rate) {
			continue
		}
		if gap := (at - last) * 10 / rate; last >= 0 && gap > 5 {
			found = append(found, gap)
		}
		last = at
	}
	return found
}

// A softphone chooses in a menu by tones, then keys a card number in. While it is masked neither the agent's softphone nor the recording
// hears a tone of it, and the server keeps how many keys there were.
func TestKeysAsTonesInAMenuAndMasked(t *testing.T) {
	says := make([]int16, 60*8000)
	pressed(says, 2, "2")
	pressed(says, 5, strings.Repeat("4970101234567890", 15))
	s := startServer(t, "PICKUP_MEDIA_INBAND_DTMF=always") // baresip agrees on telephone-event and sends tones all the same
	agent := startBaresip(t, softphone{account: agentAccount(s, "1001", "PCMA"), hz: 2600})
	s.agents(1, "ready")
	player := startBaresip(t, softphone{account: playerAccount("alice", "PCMU"), says: says, run: []string{"/dial sip:welcome@" + s.sip}})
	var live object
	wait(t, 20*time.Second, "the call is talking", func() (bool, string) {
		calls := s.list("/api/v1/calls?state=live")
		if len(calls) == 0 {
			return false, "no live call"
		}
		live = calls[0]
		return live.str("state") == "talking", live.str("state")
	})
	if got := live.str("queue"); got != "payments" {
		t.Errorf("queue %s, want payments: the key of the menu is a tone", got)
	}
	do := func(operation string) {
		t.Helper()
		s.call("POST", "/api/v1/calls/"+live.str("id")+"/talk", map[string]string{"operation": operation}, nil, 200)
		began := time.Now()
		wait(t, 10*time.Second, "some keys", func() (bool, string) { return time.Since(began) > 1500*time.Millisecond, "" })
	}
	do("unmask") // nothing is masked: the keys are heard
	do("mask")
	do("unmask")
	player.quit()
	agent.quit()
	ended := s.ended(1, 10*time.Second)[0]

	var story struct {
		Timeline []struct {
			Kind   string
			Detail map[string]string
		}
	}
	s.call("GET", "/api/v1/calls/"+ended.str("id"), nil, &story, 200)
	keys := -1
	for _, e := range story.Timeline {
		if e.Kind == "keys_unmasked" {
			keys, _ = strconv.Atoi(e.Detail["keys"])
		}
	}
	if keys < 6 || keys > 10 {
		t.Errorf("%d keys counted in 1.5 s, want one each 200 ms", keys)
	}
	channels, rate := readWAV(t, s.audio(ended.str("recording_id")))
	for who, pcm := range map[string][]float64{"the agent": agent.heardInAll(t), "the recording": channels[0]} {
		if got := silences(pcm, rate); len(got) != 1 || got[0] < 13 || got[0] > 25 {
			t.Errorf("%s has stretches without keys of %v tenths of a second, want one of about 15", who, got)
		}
	}
}
