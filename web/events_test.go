package web_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"pickup/internal/fanout"
)

// sse is one event of a stream.
type sse struct{ id, name, data string }

// listener reads a stream of events.
type listener struct {
	t      *testing.T
	lines  *bufio.Scanner
	answer *http.Response
}

func (c *client) listen(path string) *listener {
	c.s.t.Helper()
	open := *c.http
	open.Timeout = 0
	answer, err := open.Do(c.request("GET", path, nil))
	must(c.s.t, err)
	c.s.t.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/event-stream" {
		c.s.t.Fatalf("got %d %s", answer.StatusCode, answer.Header)
	}
	return &listener{c.s.t, bufio.NewScanner(answer.Body), answer}
}

// next returns the next event; ok is false at the end of the stream.
func (l *listener) next() (e sse, ok bool) {
	for l.lines.Scan() {
		key, value, _ := strings.Cut(l.lines.Text(), ": ")
		switch key {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			e.data = value
		case "":
			if e.data != "" {
				return e, true
			}
		}
	}
	return e, false
}

// any reads the next event, which there must be.
func (l *listener) any() (e sse, data map[string]any) {
	l.t.Helper()
	e, ok := l.next()
	if !ok {
		l.t.Fatal("the stream ended")
	}
	must(l.t, json.Unmarshal([]byte(e.data), &data))
	return e, data
}

// topic reads events up to one of a topic.
func (l *listener) topic(topic string) (e sse, data map[string]any) {
	l.t.Helper()
	for {
		e, ok := l.next()
		if !ok {
			l.t.Fatalf("the stream ended before %s", topic)
		}
		data = map[string]any{}
		must(l.t, json.Unmarshal([]byte(e.data), &data))
		if data["topic"] == topic {
			return e, data
		}
	}
}

func TestEventsResumeWithoutAGap(t *testing.T) {
	s := open(t)
	c := s.as("2001")
	first := s.hub.Publish("ticket", "t1", map[string]any{"number": 7})
	s.hub.Publish("ticket", "t2", nil)
	e, data := c.listen("/api/v1/events?after=" + strconv.FormatUint(first-1, 10)).topic("ticket")
	if e.id != strconv.FormatUint(first, 10) || data["object_id"] != "t1" || data["number"] != 7.0 || data["seq"] != float64(first) || data["at"] == "" {
		t.Fatalf("got %+v %v", e, data)
	}
	again := c.with("Last-Event-ID", e.id).listen("/api/v1/events?after=1") // the header wins
	if _, data = again.topic("ticket"); data["object_id"] != "t2" {
		t.Fatalf("got %v", data)
	}
}

func TestAnOldOrForeignNumberTellsToLoadAnew(t *testing.T) {
	s := open(t)
	for range fanout.Ring + 1 {
		s.hub.Publish("queue", "support", nil)
	}
	l := s.as("2001").listen("/api/v1/events?after=12")
	e, ok := l.next()
	var data map[string]any
	must(t, json.Unmarshal([]byte(e.data), &data))
	if !ok || data["topic"] != "reset" || e.id != strconv.FormatUint(s.hub.Last(), 10) {
		t.Fatalf("got %+v", e)
	}
	s.hub.Publish("ticket", "t9", nil)
	if _, data = l.topic("ticket"); data["object_id"] != "t9" {
		t.Fatalf("got %v", data)
	}
}

func TestAnAgentHearsHisOwnAndQueues(t *testing.T) {
	s := open(t)
	me, other := s.users["1001"].ID, s.users["1002"].ID
	mine, theirs := s.endedCall(me), s.endedCall(other)
	after := s.hub.Last()
	s.hub.Publish("call", string(theirs.ID), nil)
	s.hub.Publish("agent", string(other), nil)
	s.hub.Publish("ticket", theirs.TicketID, nil)
	s.hub.Publish("callback", "c1", map[string]any{"agent_id": string(other)})
	s.hub.Publish("call", string(mine.ID), nil)
	s.hub.Publish("agent", string(me), nil)
	s.hub.Publish("ticket", mine.TicketID, nil)
	s.hub.Publish("callback", "c2", map[string]any{"agent_id": string(me)})
	s.hub.Publish("queue", "last", nil)
	l := s.as("1001").listen("/api/v1/events?after=" + strconv.FormatUint(after, 10))
	var got []string
	for len(got) == 0 || got[len(got)-1] != "last" {
		e, ok := l.next()
		if !ok {
			t.Fatal("the stream ended")
		}
		var data struct {
			ObjectID string `json:"object_id"`
		}
		must(t, json.Unmarshal([]byte(e.data), &data))
		got = append(got, data.ObjectID)
	}
	want := []string{string(mine.ID), string(me), mine.TicketID, "c2", "last"}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestAStreamEndsWithTheServer(t *testing.T) {
	s := open(t)
	l := s.as("2001").listen("/api/v1/events")
	s.hub.Close()
	if e, ok := l.next(); ok {
		t.Fatalf("got %+v", e)
	}
}
