package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"pickup/account"
	"pickup/callflow"
	"pickup/configs"
	"pickup/internal/id"
	"pickup/queue"
	"pickup/store"
	"pickup/web/password"
)

// Keys of the store's table of settings of the site.
const (
	metaDemo      = "site.demo"       // "true": this database is a demonstration
	metaRealm     = "site.realm"      // sip.realm, fixed with the first user
	metaMenus     = "site.menus"      // JSON of the menus
	metaGreetings = "site.greetings"  // JSON: queue name -> prompt id
	metaAutoReady = "site.auto_ready" // JSON: logins who are ready when their first phone registers
)

// applySite stores what a site file describes. What is not in the file stays.
// Applying it again changes nothing.
func applySite(ctx context.Context, st *store.Store, site configs.Site, c *configs.Config) error {
	realm, err := fixedRealm(ctx, st, c.SIP.Realm)
	if err != nil {
		return err
	}
	logins, auto, err := applyUsers(ctx, st, site, c, realm)
	if err != nil {
		return err
	}
	if err := applyHours(ctx, st, site); err != nil {
		return err
	}
	greetings, err := applyQueues(ctx, st, site, c, logins)
	if err != nil {
		return err
	}
	if err := applyTrunks(ctx, st, site); err != nil {
		return err
	}
	if err := applyMailboxes(ctx, st, site); err != nil {
		return err
	}
	if err := applyCallbacks(ctx, st, site); err != nil {
		return err
	}
	return errors.Join(
		setJSON(ctx, st, metaMenus, menusOf(site)),
		setJSON(ctx, st, metaGreetings, greetings),
		setJSON(ctx, st, metaAutoReady, auto),
	)
}

// fixedRealm is the realm that the stored secrets were made for: it is fixed
// for the life of the data.
func fixedRealm(ctx context.Context, st *store.Store, realm string) (string, error) {
	kept, ok, err := st.Meta(ctx, metaRealm)
	if err != nil {
		return "", err
	}
	if !ok {
		return realm, st.SetMeta(ctx, metaRealm, realm)
	}
	if kept != realm {
		return "", fmt.Errorf("sip.realm is %q, but the passwords of this database were made for %q: set it back", realm, kept)
	}
	return kept, nil
}

// applyUsers stores the users and returns the id of every login.
func applyUsers(ctx context.Context, st *store.Store, site configs.Site, c *configs.Config, realm string) (map[string]account.ID, []string, error) {
	have, err := st.Users(ctx)
	if err != nil {
		return nil, nil, err
	}
	known := make(map[string]account.User, len(have))
	logins := make(map[string]account.ID, len(have))
	for _, u := range have {
		known[u.Login] = u
		logins[u.Login] = u.ID
	}
	var auto []string
	for _, s := range site.Users {
		u, exists := known[s.Login]
		if !exists {
			u = account.User{ID: account.ID(id.New()), Login: s.Login, CreatedAt: time.Now()}
		}
		if s.AutoReady {
			auto = append(auto, s.Login)
		}
		was := u
		u.Name, u.Role, u.Active, u.Demo = s.Name, account.Role(s.Role), !s.Disabled, s.Demo
		if u.Language = s.Language; u.Language == "" {
			u.Language = c.Site.Language
		}
		if err := setPassword(&u, s.Password, realm, exists); err != nil {
			return nil, nil, fmt.Errorf("users[%s].password: %w", s.Login, err)
		}
		if !exists || was != u {
			if err := st.UpsertUser(ctx, u); err != nil {
				return nil, nil, fmt.Errorf("store user %s: %w", s.Login, err)
			}
		}
		if len(s.Skills) > 0 {
			if err := st.SetSkills(ctx, u.ID, s.Skills); err != nil {
				return nil, nil, fmt.Errorf("store skills of %s: %w", s.Login, err)
			}
		}
		if len(s.Limits) > 0 {
			if err := applyLimits(ctx, st, u, s.Limits); err != nil {
				return nil, nil, err
			}
		}
		logins[u.Login] = u.ID
	}
	return logins, auto, nil
}

// setPassword makes the secrets of a password, unless they are those of it
// already. An empty password changes nothing.
func setPassword(u *account.User, plain, realm string, exists bool) error {
	if plain == "" {
		return nil
	}
	md5, sha := account.HA1(u.Login, realm, plain)
	if exists && u.HA1SHA256 == sha && u.PasswordHash != "" {
		return nil
	}
	hash := password.Hash
	if u.Demo { // passwords that everybody knows need no slow hash
		hash = password.HashDemo
	}
	phc, err := hash(plain)
	if err != nil {
		return err
	}
	u.HA1MD5, u.HA1SHA256, u.PasswordHash = md5, sha, phc
	return nil
}

func applyQueues(ctx context.Context, st *store.Store, site configs.Site, c *configs.Config, logins map[string]account.ID) (map[string]string, error) {
	have, err := st.Queues(ctx)
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for _, q := range have {
		ids[q.Name] = q.ID
	}
	open, err := hoursIDs(ctx, st)
	if err != nil {
		return nil, err
	}
	greetings := map[string]string{}
	for _, s := range site.Queues {
		q := queue.QueueConfig{
			ID: ids[s.Name], Name: s.Name, Title: s.Title, Enabled: !s.Disabled, Target: s.Target,
			TargetPercent: s.TargetPercent, MaxWait: s.MaxWait, MaxLength: s.MaxLength, WrapUp: s.WrapUp,
			Strategy: queue.Strategy(s.Strategy), CallerID: s.CallerID,
		}
		if q.ID == "" {
			q.ID = id.New()
		}
		if q.HoursID = open[s.Hours]; q.HoursID == "" && s.Hours != "" {
			return nil, fmt.Errorf("queues[%s].hours: no hours %q", s.Name, s.Hours)
		}
		if q.MaxWait == 0 {
			q.MaxWait = c.Queue.MaxWait
		}
		if q.MaxLength == 0 {
			q.MaxLength = c.Queue.MaxLength
		}
		for _, m := range s.Members {
			who, ok := logins[m.Login]
			if !ok {
				return nil, fmt.Errorf("queues[%s].members: no user %q", s.Name, m.Login)
			}
			q.Members = append(q.Members, queue.Member{Agent: who, Rank: m.Rank})
		}
		if err := st.UpsertQueue(ctx, q); err != nil {
			return nil, fmt.Errorf("store queue %s: %w", s.Name, err)
		}
		if err := st.SetMembers(ctx, q.ID, q.Members); err != nil {
			return nil, fmt.Errorf("store members of %s: %w", s.Name, err)
		}
		if s.Greeting != "" {
			greetings[s.Name] = s.Greeting
		}
	}
	return greetings, nil
}

// menusOf is what a site's menus are for the call flow.
func menusOf(site configs.Site) map[string]callflow.Menu {
	menus := map[string]callflow.Menu{}
	for _, s := range site.Menus {
		m := callflow.Menu{Prompt: s.Prompt, Default: s.Default, Wait: s.Wait, Queues: map[rune]string{}}
		for key, q := range s.Keys {
			m.Queues[[]rune(key)[0]] = q
		}
		if s.LanguageKey != "" {
			m.LanguageKey = []rune(s.LanguageKey)[0]
		}
		menus[strings.ToLower(s.Name)] = m
	}
	return menus
}

func setJSON(ctx context.Context, st *store.Store, key string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("write %s: %w", key, err)
	}
	return st.SetMeta(ctx, key, string(b))
}

// getJSON reads a setting of the site; an absent one leaves into as it is.
func getJSON(ctx context.Context, st *store.Store, key string, into any) error {
	text, ok, err := st.Meta(ctx, key)
	if err != nil || !ok {
		return err
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	return nil
}

// prepareSite makes an empty database a demonstration when that is asked for,
// and refuses to mix the two worlds.
func prepareSite(ctx context.Context, st *store.Store, c *configs.Config) error {
	demo, isDemo, err := st.Meta(ctx, metaDemo)
	if err != nil {
		return err
	}
	isDemo = isDemo && demo == "true"
	users, err := st.Users(ctx)
	if err != nil {
		return err
	}
	if !c.Demo.Enabled {
		for _, u := range users {
			if u.Demo && u.Active {
				return fmt.Errorf("demo.enabled is false, but user %q is an account of the demonstration, whose password everybody knows: "+
					"disable it (pickup user disable %s), or leave the demonstration with pickup apply --leave-demo site.yaml", u.Login, u.Login)
			}
		}
		_, err := fixedRealm(ctx, st, c.SIP.Realm)
		return err
	}
	if len(users) > 0 && !isDemo {
		return errors.New("demo.enabled is true, but this database holds a real site: the demonstration needs an empty data.dir of its own")
	}
	if err := st.SetMeta(ctx, metaDemo, "true"); err != nil {
		return err
	}
	return applySite(ctx, st, configs.DemoSite(c.Demo.Agents, c.Demo.WrapUp, c.Demo.AutoReady), c)
}
