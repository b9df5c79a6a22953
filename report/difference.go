package report

import (
	"strconv"
	"time"
)

func count(n int64) string { return strconv.FormatInt(n, 10) }

// differences compares entries by id.
func differences(table, fromLog []Entry) (faults []Fault) {
	logged := make(map[string]*Entry, len(fromLog))
	for i := range fromLog {
		logged[fromLog[i].ID] = &fromLog[i]
	}
	for i := range table {
		e := &table[i]
		other := logged[e.ID]
		if other == nil {
			faults = append(faults, Fault{"entry", e.ID, told(e), "is not in the log"})
			continue
		}
		delete(logged, e.ID)
		if other.Channel == "" {
			continue // logged by a version that did not say so much
		}
		if a, b := told(e), told(other); a != b {
			faults = append(faults, Fault{"entry", e.ID, a, b})
		}
	}
	for i := range fromLog {
		if e := &fromLog[i]; logged[e.ID] != nil {
			faults = append(faults, Fault{"entry", e.ID, "is not in the tables", told(e)})
		}
	}
	return faults
}

// told is what figures see of an entry, as text.
func told(e *Entry) string {
	again := ""
	if e.Again {
		again = " again"
	}
	reason := string(e.Reason)
	if reason == "" {
		reason = "open"
	}
	return e.Queue + " " + string(e.Channel) + again + " entered " + stamp(e.EnteredAt) + " bridged " + stamp(e.BridgedAt) + " " + reason + " " + stamp(e.EndedAt)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
