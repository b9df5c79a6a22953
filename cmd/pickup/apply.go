package main

import (
	"context"
	"fmt"

	"pickup/configs"
	"pickup/store"
)

type applyCmd struct {
	LeaveDemo bool   `help:"Disable the accounts of the demonstration and make this database a real site."`
	File      string `arg:"" type:"existingfile" help:"Site file (YAML)."`
}

// Run imports a site file.
func (a applyCmd) Run(e *env) error {
	site, err := configs.LoadSite(a.File)
	if err != nil {
		return err
	}
	return e.withStore(func(ctx context.Context, c *configs.Config, st *store.Store) error {
		if a.LeaveDemo {
			if err := leaveDemo(ctx, st, site); err != nil {
				return err
			}
		}
		if err := applySite(ctx, st, site, c); err != nil {
			return err
		}
		_, err := fmt.Fprintf(e.stdout, "applied %s: %d queues, %d users, %d trunks, %d hours, %d menus, %d mailboxes\n",
			a.File, len(site.Queues), len(site.Users), len(site.Trunks), len(site.Hours), len(site.Menus), len(site.Mailboxes))
		return err
	})
}

// leaveDemo disables every account of the demonstration. Those that the site
// file names again get their flag taken away and must get a new password there.
func leaveDemo(ctx context.Context, st *store.Store, site configs.Site) error {
	passwords := map[string]string{}
	for _, u := range site.Users {
		passwords[u.Login] = u.Password
	}
	users, err := st.Users(ctx)
	if err != nil {
		return err
	}
	for _, u := range users {
		if !u.Demo {
			continue
		}
		if plain, named := passwords[u.Login]; named && plain == "" {
			return fmt.Errorf("users[%s].password: missing: the password of the demonstration is known to everybody", u.Login)
		}
		u.Active, u.PasswordHash, u.HA1MD5, u.HA1SHA256 = false, "", "", ""
		if err := st.UpsertUser(ctx, u); err != nil {
			return fmt.Errorf("disable %s: %w", u.Login, err)
		}
	}
	return st.SetMeta(ctx, metaDemo, "false")
}
