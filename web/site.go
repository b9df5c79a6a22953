package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// SiteQueue is a queue that a player may call.
type SiteQueue struct {
	Name  string            `json:"name"`
	Title map[string]string `json:"title" doc:"By language: fr, en."`
}

// SiteInfo is what a page may know before anybody has signed in.
type SiteInfo struct {
	Demo      bool        `json:"demo" doc:"This is the demonstration."`
	Version   string      `json:"version"`
	Languages []string    `json:"languages"`
	Queues    []SiteQueue `json:"queues" nullable:"false"`
}

func (s *Server) siteOperations(api huma.API) {
	show := func(context.Context, *noInput) (*oneOutput[SiteInfo], error) {
		info := SiteInfo{Demo: s.cfg.Demo, Version: s.cfg.Version, Languages: []string{"fr", "en"}, Queues: []SiteQueue{}}
		for _, q := range s.parts.Queue.Queues() {
			if q.Config.Enabled {
				info.Queues = append(info.Queues, SiteQueue{q.Config.Name, q.Config.Title})
			}
		}
		return &oneOutput[SiteInfo]{info}, nil
	}
	register(api, act{
		id: "site", method: http.MethodGet, path: "/api/v1/site", tag: "site",
		summary: "What a page may know without signing in: the queues that can be called",
	}, show)
	register(api, act{
		id: "widget-site", method: http.MethodGet, path: "/w/v1/site", tag: "site",
		summary: "The same for pages of the operator (http.allowed_origins)",
	}, show)
}
