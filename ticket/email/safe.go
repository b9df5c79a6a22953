package email

import (
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"

	"github.com/microcosm-cc/bluemonday"

	"pickup/ticket"
)

// filePath is where the API gives an attachment out.
const filePath = "/api/v1/files/"

// remoteAttr holds the address of a picture that is loaded after a click only:
// loading it would tell the sender that his mail is read.
const remoteAttr = "data-remote"

// policy is what remains of a mail's HTML: text, tables, links and pictures. No
// script, style sheet, form, frame, or anything that loads by itself.
func policy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("p", "br", "hr", "div", "span", "b", "strong", "i", "em", "u", "s", "sub", "sup", "small", "big", "center",
		"h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "blockquote", "pre", "code", "tt")
	p.AllowTables()
	p.AllowAttrs("dir").Matching(bluemonday.Direction).Globally()
	p.AllowAttrs("align").Matching(bluemonday.ImageAlign).OnElements("p", "div", "table", "tr", "td", "th")
	p.AllowAttrs("href").OnElements("a")
	p.AllowURLSchemes("http", "https", "mailto", "tel")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(true)
	p.AddTargetBlankToFullyQualifiedLinks(true)
	p.RequireNoReferrerOnLinks(true)
	p.RequireNoFollowOnLinks(true)
	p.AllowAttrs("src").Matching(ownFile).OnElements("img")
	p.AllowAttrs(remoteAttr).Matching(remoteURL).OnElements("img")
	p.AllowAttrs("alt").OnElements("img")
	p.AllowAttrs("width", "height").Matching(bluemonday.NumberOrPercent).OnElements("img", "table", "td", "th")
	return p
}

// safePolicy makes the policy once; it is not changed any more.
var safePolicy = sync.OnceValue(policy)

var (
	imgSource = regexp.MustCompile(`(?is)(<img\b[^>]*?\s)src\s*=\s*("[^"]*"|'[^']*'|[^\s>]+)`)
	linkTo    = regexp.MustCompile(` href="([^"]*)"`) // in what the policy wrote
	ownFile   = regexp.MustCompile("^" + filePath + "[0-9a-f-]{36}$")
	remoteURL = regexp.MustCompile(`^(?i)https?://[^\s"'<>]+$`)
	absolute  = regexp.MustCompile(`^(?i)(https?://|mailto:|tel:)`)
	neverHTML = regexp.MustCompile(`(?is)<(script|style|title|svg|math|template)\b.*?(</(script|style|title|svg|math|template)\s*>|$)|<!--.*?(-->|$)`)
)

// safeHTML returns what of a mail's HTML may be shown. Pictures that the mail
// brings are shown from its files, those elsewhere only name their address.
func safeHTML(source string, files []ticket.Attachment) (safe string) {
	defer func() {
		if recover() != nil { // its plain text is there
			safe = ""
		}
	}()
	byID := map[string]string{}
	for _, f := range files {
		if f.ContentID != "" {
			byID[f.ContentID] = f.ID
		}
	}
	source = neverHTML.ReplaceAllString(source, "")
	source = imgSource.ReplaceAllStringFunc(source, func(tag string) string {
		parts := imgSource.FindStringSubmatch(tag)
		src := strings.TrimSpace(strings.Trim(parts[2], `"'`))
		if cid, ok := cutPrefixFold(src, "cid:"); ok {
			if plain, err := url.PathUnescape(cid); err == nil {
				cid = plain
			}
			if id := byID[cid]; id != "" {
				return parts[1] + `src="` + filePath + id + `"`
			}
			return parts[1]
		}
		if strings.ContainsAny(src, `"'<>`) {
			return parts[1]
		}
		return parts[1] + remoteAttr + `="` + src + `"`
	})
	return linkTo.ReplaceAllStringFunc(safePolicy().Sanitize(source), func(attr string) string {
		if absolute.MatchString(linkTo.FindStringSubmatch(attr)[1]) {
			return attr
		}
		return "" // it would lead into this console
	})
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// contentType returns the type of a file by how its content begins. Name and
// declared type count only to tell apart what content does not, never to make it
// active.
func contentType(name, declared string, head []byte) string {
	found := http.DetectContentType(head)
	base, _, _ := strings.Cut(found, ";")
	switch base {
	case "application/zip":
		switch strings.ToLower(path.Ext(name)) {
		case ".docx":
			return "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
		case ".xlsx":
			return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
		}
	case "text/plain":
		switch strings.ToLower(declared) {
		case "text/csv", "text/calendar", "message/rfc822":
			return strings.ToLower(declared)
		}
	}
	return base
}
