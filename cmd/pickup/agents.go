package main

import (
	"context"

	"pickup/account"
	"pickup/configs"
	"pickup/queue"
	"pickup/store"
)

// storedAgents are the agents of the database as the queue knows them.
func storedAgents(ctx context.Context, st *store.Store, c *configs.Config) ([]queue.AgentConfig, error) {
	users, err := st.Users(ctx)
	if err != nil {
		return nil, err
	}
	skills, err := st.Skills(ctx)
	if err != nil {
		return nil, err
	}
	limits, err := st.Limits(ctx)
	if err != nil {
		return nil, err
	}
	var auto []string
	if err := getJSON(ctx, st, metaAutoReady, &auto); err != nil {
		return nil, err
	}
	ready := make(map[string]bool, len(auto))
	for _, login := range auto {
		ready[login] = true
	}
	var agents []queue.AgentConfig
	for _, u := range users {
		if u.Active && u.Role == account.RoleAgent {
			agents = append(agents, queue.AgentConfig{
				ID: u.ID, Login: u.Login, Name: u.Name, Skills: skills[u.ID], Limits: limits[u.ID],
				AutoReady: ready[u.Login] && (!u.Demo || c.Demo.AutoReady),
			})
		}
	}
	return agents, nil
}
