package configs

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Check reports every fault of a site, as Faults, or nil. Names that a site
// uses must be described in it.
func (s *Site) Check() error { return s.check().err() }

func (s *Site) check() Faults {
	var f Faults
	s.checkNames(&f)
	s.checkQueues(&f)
	s.checkUsers(&f)
	s.checkTrunks(&f)
	s.checkHours(&f)
	s.checkMenus(&f)
	s.checkMailboxes(&f)
	s.checkCallbacks(&f)
	return f
}

// checkNames refuses two objects of one name. Queues and menus are dialled, so
// they share their names, with the numbers of phones too.
func (s *Site) checkNames(f *Faults) {
	dialled := map[string]string{}
	once := func(seen map[string]string, path, name string) {
		key := strings.ToLower(name)
		if first, ok := seen[key]; ok && name != "" {
			f.add(path, name, "is the name of %s already", first)
			return
		}
		seen[key] = path[:strings.LastIndex(path, ".")]
	}
	for i, q := range s.Queues {
		once(dialled, fmt.Sprintf("queues[%d].name", i), q.Name)
	}
	for i, m := range s.Menus {
		once(dialled, fmt.Sprintf("menus[%d].name", i), m.Name)
	}
	for i, u := range s.Users {
		once(dialled, fmt.Sprintf("users[%d].login", i), u.Login)
	}
	trunks, hours := map[string]string{}, map[string]string{}
	for i, t := range s.Trunks {
		once(trunks, fmt.Sprintf("trunks[%d].name", i), t.Name)
	}
	for i, h := range s.Hours {
		once(hours, fmt.Sprintf("hours[%d].name", i), h.Name)
	}
}

// dialName is what can be dialled and stands in addresses without escaping.
func dialName(f *Faults, path, name string) {
	if name == "" || len(name) > 64 || strings.ContainsFunc(name, badDial) {
		f.add(path, name, "must be 1 to 64 letters, digits, dots, hyphens or underscores")
	}
}

func badDial(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
}

func (s *Site) checkQueues(f *Faults) {
	for i, q := range s.Queues {
		path := fmt.Sprintf("queues[%d]", i)
		dialName(f, path+".name", q.Name)
		for _, language := range slices.Sorted(maps.Keys(q.Title)) {
			oneOf(f, path+".title", language, Languages()...)
		}
		promptID(f, path+".greeting", q.Greeting, true)
		within(f, path+".target", q.Target, time.Second, time.Hour)
		between(f, path+".target_percent", q.TargetPercent, 1, 100)
		within(f, path+".max_wait", q.MaxWait, 0, 24*time.Hour)
		between(f, path+".max_length", q.MaxLength, 0, 1_000_000)
		within(f, path+".wrap_up", q.WrapUp, 0, time.Hour)
		if q.CallerID != "" && (!e164.MatchString(q.CallerID) || len(q.CallerID) < 4) {
			f.add(path+".caller_id", q.CallerID, "must be an E.164 number, as +33123456789")
		}
		if q.Strategy != "" {
			oneOf(f, path+".strategy", q.Strategy, Strategies()...)
		}
		if q.Hours != "" && !slices.ContainsFunc(s.Hours, func(h SiteHours) bool { return h.Name == q.Hours }) {
			f.add(path+".hours", q.Hours, "must be a name under hours")
		}
		s.checkMembers(f, path, q)
	}
}

func (s *Site) checkMembers(f *Faults, path string, q SiteQueue) {
	seen := map[string]bool{}
	for j, m := range q.Members {
		at := fmt.Sprintf("%s.members[%d]", path, j)
		if !slices.ContainsFunc(s.Users, func(u SiteUser) bool { return u.Login == m.Login }) {
			f.add(at+".login", m.Login, "must be a login under users")
		}
		if seen[m.Login] {
			f.add(at+".login", m.Login, "is a member already")
		}
		seen[m.Login] = true
		between(f, at+".rank", m.Rank, 0, 1000)
	}
}

func (s *Site) checkUsers(f *Faults) {
	for i, u := range s.Users {
		path := fmt.Sprintf("users[%d]", i)
		dialName(f, path+".login", u.Login)
		oneOf(f, path+".role", u.Role, "agent", "supervisor", "reviewer", "admin")
		if u.Language != "" {
			oneOf(f, path+".language", u.Language, Languages()...)
		}
		if n := len(u.Password); n > 0 && (n < 8 || n > 200) {
			f.add(path+".password", "****", "must be 8 to 200 characters")
		}
		for _, skill := range slices.Sorted(maps.Keys(u.Skills)) {
			between(f, path+".skills."+skill, u.Skills[skill], 1, 5)
		}
		for _, channel := range slices.Sorted(maps.Keys(u.Limits)) {
			u.Limits[channel].check(f, path+".limits."+channel, channel)
		}
	}
}

// check leaves to the queue what depends on its defaults: that as many as max fit
// into 100.
func (l SiteLimit) check(f *Faults, path, channel string) {
	if channel == "call" || channel == "callback" {
		f.add(path, nil, "must be left out: a call is exclusive")
		return
	}
	oneOf(f, path, channel, "chat", "email", "social", "web_form", "ticket")
	for _, n := range []struct {
		name        string
		value       *int
		least, most int
	}{{"max", l.Max, 0, 100}, {"parked", l.Parked, 0, 50}, {"weight", l.Weight, 1, 100}} {
		if n.value != nil {
			between(f, path+"."+n.name, *n.value, n.least, n.most)
		}
	}
}

func (s *Site) checkTrunks(f *Faults) {
	numbers := map[string]string{}
	for i, t := range s.Trunks {
		path := fmt.Sprintf("trunks[%d]", i)
		dialName(f, path+".name", t.Name)
		if t.Host == "" {
			f.add(path+".host", t.Host, "must name the carrier's server, as sip.carrier.example:5060")
		}
		oneOf(f, path+".transport", t.Transport, "udp", "tcp", "tls", "auto")
		if t.Register && t.Username == "" {
			f.add(path+".register", t.Register, "needs username: the account at the carrier")
		}
		if t.Expires != 0 {
			within(f, path+".expires", t.Expires, time.Minute, 24*time.Hour)
		}
		if t.Probe != 0 {
			within(f, path+".probe", t.Probe, 5*time.Second, time.Hour)
		}
		between(f, path+".rank", t.Rank, 0, 1000)
		if t.Rate < 0 || t.Rate > 10_000 {
			f.add(path+".calls_per_second", t.Rate, "must be from 0 to 10000; 0 is no limit")
		}
		for _, field := range []struct{ name, value string }{{"username", t.Username}, {"realm", t.Realm}, {"from_user", t.FromUser}} {
			if len(field.value) > 128 || strings.ContainsFunc(field.value, badWord) {
				f.add(path+"."+field.name, field.value, "must be at most 128 characters without quotes, spaces and control characters")
			}
		}
		for j, n := range t.Networks {
			if _, err := netip.ParsePrefix(n); err != nil {
				f.add(fmt.Sprintf("%s.networks[%d]", path, j), n, "must be a network, as 192.0.2.0/24")
			}
		}
		between(f, path+".max_calls", t.MaxCalls, 0, 100_000)
		checkPrefixes(f, path+".prefixes", t.Prefixes)
		checkPrefixes(f, path+".denied", t.Denied)
		s.checkNumbers(f, path, t, numbers)
	}
}

// badWord reports what breaks a quoted string or a URI of SIP.
func badWord(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`"<>\\`, r) }

func checkPrefixes(f *Faults, path string, all []string) {
	for j, p := range all {
		if !e164.MatchString(p) {
			f.add(fmt.Sprintf("%s[%d]", path, j), p, "must begin with + and go on with digits, as +33")
		}
	}
}

// e164 is a number, or its beginning, with its country (ITU-T E.164).
var e164 = regexp.MustCompile(`^\+[1-9][0-9]{0,14}$`)

// checkNumbers adds the numbers of a trunk to those that were seen.
func (s *Site) checkNumbers(f *Faults, path string, t SiteTrunk, seen map[string]string) {
	for j, n := range t.Numbers {
		at := fmt.Sprintf("%s.numbers[%d]", path, j)
		if first, ok := seen[n.Number]; ok {
			f.add(at+".number", n.Number, "is the number of %s already", first)
			continue
		}
		seen[n.Number] = at
		if !e164.MatchString(n.Number) || len(n.Number) < 4 {
			f.add(at+".number", n.Number, "must be an E.164 number, as +33123456789")
		}
		if !s.dialled(n.To) {
			f.add(at+".to", n.To, "must be a name under queues or menus")
		}
		if n.Language != "" {
			oneOf(f, at+".language", n.Language, Languages()...)
		}
	}
}

func (s *Site) dialled(name string) bool {
	return s.hasQueue(name) || slices.ContainsFunc(s.Menus, func(m SiteMenu) bool { return strings.EqualFold(m.Name, name) })
}

func (s *Site) hasQueue(name string) bool {
	return slices.ContainsFunc(s.Queues, func(q SiteQueue) bool { return strings.EqualFold(q.Name, name) })
}

func (s *Site) checkHours(f *Faults) {
	callbacks := ""
	for i, h := range s.Hours {
		path := fmt.Sprintf("hours[%d]", i)
		dialName(f, path+".name", h.Name)
		if _, err := time.LoadLocation(h.TimeZone); err != nil || h.TimeZone == "Local" {
			f.add(path+".time_zone", h.TimeZone, "must be an IANA time zone, as Europe/Paris")
		}
		for _, day := range slices.Sorted(maps.Keys(h.Days)) {
			oneOf(f, path+".days", day, "mon", "tue", "wed", "thu", "fri", "sat", "sun")
			checkSpans(f, path+".days."+day, h.Days[day])
		}
		for j, day := range h.Closed {
			if _, err := time.Parse(time.DateOnly, day); err != nil {
				f.add(fmt.Sprintf("%s.closed[%d]", path, j), day, "must be a day, as 2026-12-25")
			} else if slices.Contains(h.Closed[:j], day) {
				f.add(fmt.Sprintf("%s.closed[%d]", path, j), day, "is closed already")
			}
		}
		if h.Callbacks && callbacks != "" {
			f.add(path+".callbacks", true, "%s are the hours of callbacks already", callbacks)
		} else if h.Callbacks {
			callbacks = path
		}
	}
}

// checkSpans refuses what is no interval, and intervals of a day that overlap.
func checkSpans(f *Faults, path string, spans []string) {
	type span struct{ from, to int }
	var seen []span
	for j, text := range spans {
		from, to, err := parseSpan(text)
		switch {
		case err != nil:
			f.add(fmt.Sprintf("%s[%d]", path, j), text, "%s", err)
		case slices.ContainsFunc(seen, func(s span) bool { return from < s.to && s.from < to }):
			f.add(fmt.Sprintf("%s[%d]", path, j), text, "overlaps another of the day")
		}
		seen = append(seen, span{from, to})
	}
}

// parseSpan reads "09:00-18:00" as minutes after midnight, from below to;
// to is at most 1440 (24:00).
func parseSpan(span string) (from, to int, err error) {
	a, b, ok := strings.Cut(span, "-")
	from, okA := minutes(a)
	to, okB := minutes(b)
	if !ok || !okA || !okB || from >= to {
		return 0, 0, fmt.Errorf("must be two times of one day, as 09:00-18:00")
	}
	return from, to, nil
}

func minutes(s string) (int, bool) {
	s = strings.TrimSpace(s)
	if s == "24:00" {
		return 24 * 60, true
	}
	t, err := time.Parse("15:04", s)
	return t.Hour()*60 + t.Minute(), err == nil
}

func (s *Site) checkMenus(f *Faults) {
	for i, m := range s.Menus {
		path := fmt.Sprintf("menus[%d]", i)
		dialName(f, path+".name", m.Name)
		promptID(f, path+".prompt", m.Prompt, false)
		if len(m.Keys) == 0 {
			f.add(path+".keys", nil, "must hold one key at least")
		}
		for _, key := range slices.Sorted(maps.Keys(m.Keys)) {
			menuKey(f, path+".keys", key)
			if !s.hasQueue(m.Keys[key]) {
				f.add(path+".keys."+key, m.Keys[key], "must be a name under queues")
			}
		}
		if m.LanguageKey != "" {
			menuKey(f, path+".language_key", m.LanguageKey)
			if _, taken := m.Keys[m.LanguageKey]; taken {
				f.add(path+".language_key", m.LanguageKey, "is a key of a queue already")
			}
		}
		if !s.hasQueue(m.Default) {
			f.add(path+".default", m.Default, "must be a name under queues")
		}
		within(f, path+".wait", m.Wait, time.Second, time.Minute)
	}
}

func menuKey(f *Faults, path, key string) {
	if len(key) != 1 || !strings.Contains("0123456789*#", key) {
		f.add(path, key, "must be one key of a telephone: 0 to 9, * or #")
	}
}

func promptID(f *Faults, path, id string, optional bool) {
	if id == "" && optional {
		return
	}
	if _, ok := Prompt("en", id); !ok {
		f.add(path, id, "must be the id of a prompt")
	}
}
