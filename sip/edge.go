package sip

import "pickup/call"

// Legs implements callflow.Edge.
func (s *Server) Legs() []call.LegID {
	all := s.legs.all()
	ids := make([]call.LegID, 0, len(all))
	for _, l := range all {
		ids = append(ids, l.id)
	}
	return ids
}

// EndLeg implements callflow.Edge.
func (s *Server) EndLeg(id call.LegID) {
	for _, l := range s.legs.all() {
		if l.id == id {
			l.End(call.Cause{Status: 500, Text: "No call"})
		}
	}
}
