//go:build e2e

package test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// script runs a program of people.mjs against the server, with what it needs to know.
func (s *server) script(name string, given object) {
	s.t.Helper()
	need(s.t, "node", "chromium")
	given["base"] = "http://" + s.http
	arg, err := json.Marshal(given)
	if err != nil {
		s.t.Fatal(err)
	}
	cmd := exec.Command("node", name, string(arg))
	timer := time.AfterFunc(5*time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.CombinedOutput()
	s.t.Logf("%s:\n%s", name, out)
	if err != nil {
		s.t.Fatalf("%s: %v", name, err)
	}
}

// wrote is the ticket of a chat that is over, with what the visitor wrote in it,
// and is an agent's.
func (s *server) wrote(agent *person, subject string, texts ...string) object {
	s.t.Helper()
	v := s.visitor()
	chat := v.open("support", texts[0])
	v.load(chat)
	for _, text := range texts[1:] {
		v.want(http.StatusOK, "POST", "/w/v1/chats/"+chat+"/messages", object{"client_id": "said-" + text, "text": text}, nil)
	}
	s.call("POST", "/api/v1/chats/"+chat+"/end", object{}, nil, http.StatusNoContent)
	var row, ticket, me object
	s.call("GET", "/api/v1/chats/"+chat, nil, &row, http.StatusOK)
	s.call("GET", "/api/v1/tickets/"+row.str("ticket_id"), nil, &ticket, http.StatusOK)
	agent.want(http.StatusOK, "GET", "/api/v1/me", nil, &me)
	s.call("PATCH", "/api/v1/tickets/"+ticket.str("id"), object{
		"version": ticket["version"], "subject": subject, "assignee_id": me.str("id"),
	}, nil, http.StatusOK)
	return object{"id": ticket.str("id"), "number": ticket["number"], "contact": ticket.str("contact_id")}
}

// TestTicketsAtTheConsole: what an agent does with tickets and contacts, by
// clicking: duplicates, merge, split, links, files, search.
func TestTicketsAtTheConsole(t *testing.T) {
	s := startServer(t)
	agent, other := s.agent("1001"), s.agent("1002")
	const subject = "Retrait bloqué depuis la vérification"
	given := object{
		"firstText": "Mon retrait est bloqué depuis la vérification", "secondText": "Et mon bonus a disparu",
		"twinText": "Mon retrait reste bloqué depuis la vérification", "firstSubject": subject, "secret": "zanzibar",
	}
	given["first"] = s.wrote(agent, subject, given.str("firstText"), given.str("secondText"))
	given["twin"] = s.wrote(agent, subject+" !", given.str("twinText"))
	given["other"] = s.wrote(agent, "Un tournoi de poker", "Quand commence le tournoi ?")
	s.wrote(other, "zanzibar", "zanzibar")
	s.script("console_ticket.mjs", given)
}

// dot is a small picture.
func dot() []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 40, 40))); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// outside is a host that a mail wants to be asked, which counts how often it was;
// and it delivers what the script has a player write.
func (o *postOffice) outside(box string) string {
	o.t.Helper()
	var asked atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /count", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, asked.Load()) })
	mux.HandleFunc("POST /mail/{name}", func(_ http.ResponseWriter, r *http.Request) {
		content, err := io.ReadAll(r.Body)
		o.check(err)
		o.put(box, r.PathValue("name"), content)
	})
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write(dot())
	})
	server := httptest.NewServer(mux)
	o.t.Cleanup(server.Close)
	return server.URL
}

// TestMailAtTheConsole: an administrator sets up a mailbox by clicking, its mail
// is shown without harm, and two agents who answer it see each other.
func TestMailAtTheConsole(t *testing.T) {
	o := openPostOffice(t)
	s := startServer(t)
	const subject = "Where is my withdrawal"
	outside := o.outside(supportBox)
	html := strings.ReplaceAll(`<p>Dear support, <b>where is it?</b></p><script>top.alive=1;window.alive=1</script>
<img src="cid:logo" alt="logo" width="40" height="40"><img src="OUT/spy.png" alt="spy" width="40" height="40" onerror="top.alive=1" onload="top.alive=1">
<svg onload="top.alive=1"><script>top.alive=1</script></svg><a href="javascript:top.alive=1">a</a> <a href="https://casino.example/help">help</a>
<form action="OUT/steal"><input name="p" autofocus onfocus="top.alive=1"></form><iframe src="OUT/frame"></iframe><meta http-equiv="refresh" content="0;url=OUT/away">
<div style="background-image:url(OUT/style.png);position:fixed;inset:0">over all</div><link rel="stylesheet" href="OUT/style.css"><base href="OUT/">
<object data="OUT/object"></object><video src="OUT/video" autoplay poster="OUT/poster.png"></video><style>@import url(OUT/import.css)</style>
<table width="1800"><tr><td>a table that is wider than any screen of a phone</td></tr></table>`, "OUT", outside)
	o.put(supportBox, "first", []byte(strings.Join([]string{
		"From: Nora <nora@player.example>", "To: " + supportBox, "Date: " + time.Now().Format(time.RFC1123Z), "Subject: " + subject,
		"Message-ID: <first@player.example>", "MIME-Version: 1.0", `Content-Type: multipart/mixed; boundary="m"`, "",
		"--m", `Content-Type: multipart/related; boundary="r"`, "",
		"--r", "Content-Type: text/html; charset=utf-8", "", html,
		"--r", "Content-Type: image/png", "Content-ID: <logo>", "Content-Disposition: inline; filename=logo.png", "Content-Transfer-Encoding: base64", "", base64.StdEncoding.EncodeToString(dot()),
		"--r--", "",
		"--m", "Content-Type: text/html; name=harmless.html", "Content-Disposition: attachment; filename=harmless.html", "", "<script>top.alive=1</script>",
		"--m--", "",
	}, "\r\n")))
	s.script("console_mail.mjs", object{
		"address": supportBox, "password": mailSecret, "imap": o.imap, "smtp": o.smtp, "closed": freePort(t), "subject": subject, "outside": outside,
	})
}

// TestADeskByItsKeys: an agent works a chat and the call of the same player by
// the keyboard; her ticket is there before the answer, and after it he says what
// it was. What waits is one list, what was is one contact.
func TestADeskByItsKeys(t *testing.T) {
	s := startServer(t, "PICKUP_QUEUE_RING_TIME=60s") // it rings while it is looked at
	var q object
	s.call("GET", "/api/v1/queues/support", nil, &q, http.StatusOK)
	s.call("PUT", "/api/v1/queues/support", object{"name": "support", "title": q["title"], "wrap_up_ms": 600_000}, nil, http.StatusOK)
	s.script("console_desk.mjs", object{})
}
