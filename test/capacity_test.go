//go:build e2e

package test

import (
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestWhatAnAgentTakesAtATimeHoldsAtOnce: one chat at a time by the API, two by
// the command line, which tells nobody; after kill -9 it is still two.
func TestWhatAnAgentTakesAtATimeHoldsAtOnce(t *testing.T) {
	s := startServer(t, "PICKUP_DEMO_AGENTS=1", "PICKUP_DEMO_AUTO_READY=false")
	agent := s.agent("1001")
	var me object
	agent.want(http.StatusOK, "GET", "/api/v1/me", nil, &me)
	agent.console()
	limits := "/api/v1/users/" + me.str("id") + "/limits"
	var refused object
	s.call("PUT", limits, object{"limits": []object{{"channel": "chat", "max": 4}}}, &refused, http.StatusUnprocessableEntity)
	if text := fmt.Sprint(refused); !strings.Contains(text, "chat.max: limit 0 to 3 at weight 33 of 100, got 4") {
		t.Errorf("refused with %s", text)
	}
	s.call("PUT", limits, object{"limits": []object{{"channel": "chat", "max": 1, "weight": 40}}}, nil, http.StatusOK)
	agent.ready(me.str("id"))

	chats := map[string]string{}
	open := func(name string) {
		t.Helper()
		chats[name] = s.visitor().open("support", name)
	}
	take := func(name string) {
		t.Helper()
		item := agent.offered(chats[name])
		agent.want(http.StatusOK, "POST", "/api/v1/work/"+item+"/accept", object{}, nil)
	}
	waits := func(name string) {
		t.Helper()
		if w := s.work("chat-" + chats[name]); w.str("state") != "waiting" {
			t.Errorf("chat %s is %s", name, w.str("state"))
		}
	}
	load := func(want float64) {
		t.Helper()
		wait(t, 20*time.Second, "his load", func() (bool, string) {
			var a object
			s.call("GET", "/api/v1/agents/"+me.str("id"), nil, &a, http.StatusOK)
			return a.num("load") == want, fmt.Sprint(a["load"], s.list("/api/v1/work"))
		})
	}
	open("one")
	take("one")
	load(40)
	open("two")
	open("three")
	waits("two")

	cli := exec.Command(program(t), "user", "set", "1001", "--limit", "chat=2:50")
	cli.Env = append(cli.Environ(), "PICKUP_DATA_DIR="+s.dir)
	if out, err := cli.CombinedOutput(); err != nil {
		t.Fatalf("user set: %v: %s", err, out)
	}
	take("two") // a running server takes it over
	load(90)    // the first weighs what it did
	waits("three")
	wait(t, 20*time.Second, "the answer stored", func() (bool, string) {
		for _, e := range agent.events(chats["two"]) {
			if e.str("type") == "assignment" {
				return true, ""
			}
		}
		return false, fmt.Sprint(agent.events(chats["two"]))
	})

	s.stop(syscall.SIGKILL)
	s.start()
	agent.ready(me.str("id"))
	load(100) // both are his again, at what they weigh now
	waits("three")
	var now struct{ Items []object }
	s.call("GET", limits, nil, &now, http.StatusOK)
	if c := now.Items[0]; c.str("channel") != "chat" || c.num("max") != 2 || c.num("weight") != 50 || c["default"] != false {
		t.Errorf("after kill -9: %v", c)
	}
	agent.want(http.StatusNoContent, "POST", "/api/v1/chats/"+chats["one"]+"/end", object{}, nil)
	take("three")
}
