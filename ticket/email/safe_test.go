package email_test

import (
	"regexp"
	"strings"
	"testing"

	"pickup/ticket"
	"pickup/ticket/email"
)

// tagOf and attrOf read what the policy writes: tags in lower case, values in
// double quotes.
var (
	tagOf  = regexp.MustCompile(`<(/?[a-zA-Z!?][^\s>/]*)([^>]*)>`)
	attrOf = regexp.MustCompile(`([a-zA-Z0-9:_-]+)(?:="([^"]*)")?`)
)

// allowed are the tags that may remain, in a text of words.
const allowed = ` p br hr div span b strong i em u s sub sup small big center h1 h2 h3 h4 h5 h6 ul ol li dl dt dd blockquote pre code tt table thead tbody tfoot tr td th caption col colgroup a img `

// checkSafe wants nothing in safe that runs, loads or leads into the console.
func checkSafe(t *testing.T, source, safe string) {
	t.Helper()
	for _, tag := range tagOf.FindAllStringSubmatch(safe, -1) {
		if !strings.Contains(allowed, " "+strings.ToLower(strings.TrimPrefix(tag[1], "/"))+" ") {
			t.Fatalf("%q leaves the tag %q in %q", source, tag[1], safe)
		}
		for _, attr := range attrOf.FindAllStringSubmatch(tag[2], -1) {
			name, value := strings.ToLower(attr[1]), attr[2]
			switch {
			case strings.HasPrefix(name, "on"), name == "style", name == "srcset", name == "background", name == "id", name == "class", name == "name":
				t.Fatalf("%q leaves %s in %q", source, name, safe)
			case name == "src" && !strings.HasPrefix(value, "/api/v1/files/"),
				name == "href" && !regexp.MustCompile(`^(?i)(https?://|mailto:|tel:)`).MatchString(value):
				t.Fatalf("%q leaves %s=%q in %q", source, name, value, safe)
			}
		}
	}
}

func TestHostileHTMLIsHarmless(t *testing.T) {
	for _, body := range hostile {
		safe := email.SafeHTML(body, nil)
		checkSafe(t, body, safe)
		if safe == "" {
			t.Errorf("%q leaves nothing", body)
		}
	}
}

func TestWhatRemainsOfHTML(t *testing.T) {
	const id = "01890000-0000-7000-8000-000000000001"
	files := []ticket.Attachment{{ID: id, ContentID: "pic@x"}}
	for name, c := range map[string]struct{ source, want string }{
		"text":                       {`<p>a <b>b</b></p>`, `<p>a <b>b</b></p>`},
		"a picture of the mail":      {`<img src="cid:pic@x" alt="p">`, `<img src="/api/v1/files/` + id + `" alt="p">`},
		"the same, escaped":          {`<img src='cid:pic%40x'>`, `<img src="/api/v1/files/` + id + `">`},
		"a picture it has not":       {`<p>a</p><img src="cid:other">`, `<p>a</p>`},
		"a picture elsewhere":        {`<img src="https://x.org/a.png" width="1">`, `<img data-remote="https://x.org/a.png" width="1">`},
		"a script as a picture":      {`<p>a</p><img src="javascript:x">`, `<p>a</p>`},
		"another's file":             {`<p>a</p><img src="/api/v1/files/` + id + `">`, `<p>a</p>`},
		"a link":                     {`<a href="https://x.org/">a</a>`, `<a href="https://x.org/" rel="nofollow noreferrer noopener" target="_blank">a</a>`},
		"a link into the console":    {`<a href="/api/v1/me">a</a>`, `<a rel="nofollow noreferrer">a</a>`},
		"a link without a scheme":    {`<a href="//x.org/">a</a>`, `<a rel="nofollow noreferrer noopener" target="_blank">a</a>`},
		"a head that never ends":     {`<html><head><body><p>a</p>`, `<p>a</p>`},
		"a title":                    {`<title>x</title><p>a</p>`, `<p>a</p>`},
		"a table":                    {`<table><tr><td align="left">a</td></tr></table>`, `<table><tr><td align="left">a</td></tr></table>`},
		"a script that never ends":   {`<p>a</p><script>x`, `<p>a</p>`},
		"letters that look like one": {`a &lt;script&gt; b`, `a &lt;script&gt; b`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := email.SafeHTML(c.source, files); got != c.want {
				t.Errorf("got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestSubjectsAreComparedWithoutMarks(t *testing.T) {
	for name, c := range map[string]struct{ subject, key string }{
		"a reply":             {"Re: Retrait", "retrait"},
		"replies of replies":  {"RE: re:TR : Fwd: Retrait", "retrait"},
		"a counter":           {"Re[4]: Retrait", "retrait"},
		"our number":          {"Re: Retrait [#12]", "retrait"},
		"our number in front": {"[#12] Re: Retrait", "retrait"},
		"double spaces":       {"Retrait \t bloqué", "retrait bloqué"},
		"a word that is none": {"Regarding: money", "regarding: money"},
		"nothing":             {"Re:", ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ticket.SubjectKey(c.subject); got != c.key {
				t.Errorf("got %q, want %q", got, c.key)
			}
		})
	}
}

func TestOnlyOurSignatureNamesATicket(t *testing.T) {
	box := ticket.Mailbox{Address: "support@casino.example", Aliases: []string{"aide@casino.example"}}
	good := email.ReplyAddress(box, secret, 42)
	for name, c := range map[string]struct {
		address string
		want    int64
	}{
		"ours":                  {good, 42},
		"in capitals":           {strings.ToUpper(good), 42},
		"another number":        {strings.Replace(good, "+t42.", "+t43.", 1), 0},
		"a number that is long": {strings.Replace(good, "+t42.", "+t042.", 1), 0},
		"another domain":        {strings.Replace(good, "casino", "evil", 1), 0},
		"another mailbox":       {strings.Replace(good, "support", "billing", 1), 0},
		"no signature":          {"support+t42.@casino.example", 0},
		"plain":                 {"support@casino.example", 0},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _ := email.NumberIn(box, secret, c.address); got != c.want {
				t.Errorf("%s: got %d", c.address, got)
			}
		})
	}
	if _, ok := email.NumberIn(box, []byte("another secret of the site......"), good); ok {
		t.Error("another secret's signature holds")
	}
}
