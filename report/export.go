package report

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
	"time"
)

// WriteCSV writes rows as RFC 4180: a header, then one line for each row with its
// interval, its key and its figures. name is what a key is called in the file.
// Times are RFC 3339 with the offset of place; a figure that is not known is
// empty; decimal points are points.
func WriteCSV(w io.Writer, by By, rows []Row, place *time.Location, name func(Key) string) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	figures := by.Figures()
	line := []string{"from", "to", string(by)}
	for _, f := range figures {
		line = append(line, f.Name)
	}
	if err := out.Write(line); err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		line = append(line[:0], r.Part.From.In(place).Format(time.RFC3339), r.Part.To.In(place).Format(time.RFC3339), Cell(name(r.Key)))
		for _, f := range figures {
			line = append(line, f.Of(&r.Sums).Text())
		}
		if err := out.Write(line); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// Text is the figure as exports write it, with two decimals at most; "" where it
// is not known.
func (v Value) Text() string {
	if !v.Known() {
		return ""
	}
	text := strconv.FormatFloat(v.Float(), 'f', 2, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// Cell is a text that a spreadsheet takes as text: one that would begin a formula
// (= + - @, tab, carriage return or line feed) has an apostrophe before it.
func Cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		return "'" + s
	}
	return s
}
