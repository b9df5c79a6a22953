package hours

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// weekdays are the names of the days in site files and in the API; index 0 is
// Sunday, as in time.Weekday.
var weekdays = [7]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

var errSpan = errors.New("must be two times of one day, as 09:00-18:00")

// ParseDays reads intervals by the name of the weekday ("mon" to "sun"), each as
// "09:00-18:00".
func ParseDays(text map[string][]string) (days [7][][2]int, err error) {
	left := len(text)
	for d, name := range weekdays {
		spans, ok := text[name]
		if ok {
			left--
		}
		for _, s := range spans {
			span, err := ParseSpan(s)
			if err != nil {
				return days, fmt.Errorf("%s: %q: %w", name, s, err)
			}
			days[d] = append(days[d], span)
		}
	}
	if left > 0 {
		return days, errors.New("the days are mon, tue, wed, thu, fri, sat and sun")
	}
	return days, nil
}

// FormatDays is the inverse of ParseDays; a day without intervals is left out.
func FormatDays(days [7][][2]int) map[string][]string {
	text := map[string][]string{}
	for d, spans := range days {
		for _, s := range spans {
			text[weekdays[d]] = append(text[weekdays[d]], FormatSpan(s))
		}
	}
	return text
}

// FormatSpan is the inverse of ParseSpan.
func FormatSpan(s [2]int) string {
	return fmt.Sprintf("%02d:%02d-%02d:%02d", s[0]/60, s[0]%60, s[1]/60, s[1]%60)
}

// ParseSpan reads "09:00-18:00" as minutes after midnight. The end may be 24:00
// and comes after the beginning.
func ParseSpan(text string) (span [2]int, err error) {
	from, to, ok := strings.Cut(text, "-")
	begin, okFrom := clock(from)
	end, okTo := clock(to)
	if !ok || !okFrom || !okTo || begin >= end {
		return [2]int{}, errSpan
	}
	return [2]int{begin, end}, nil
}

func clock(text string) (minutes int, ok bool) {
	text = strings.TrimSpace(text)
	if text == "24:00" {
		return minutesOfDay, true
	}
	t, err := time.Parse("15:04", text)
	return t.Hour()*60 + t.Minute(), err == nil
}
