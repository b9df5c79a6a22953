package sip_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The outcome that RFC 4475 asks for, for a server that takes calls to its own
// queues: 0 is "no answer". Where several are right, all are named.
var torture = map[string][]int{
	// 3.1.1: valid messages. The names dialled are not ours, hence 404; wsinv
	// carries a To-tag, hence 481.
	"wsinv": {481}, "intmeth": {405, 501}, "esc01": {404}, "escnull": {401}, "esc02": {405, 501}, "lwsdisp": {200},
	"longreq": {404}, "dblreq": {401}, "semiuri": {200}, "transports": {200}, "mpart01": {405, 415}, "unreason": {0}, "noreason": {0},
	// 3.1.2: invalid messages.
	"badinv01": {400}, "clerr": {400}, "ncl": {400}, "scalar02": {400}, "scalarlg": {0}, "quotbal": {400},
	"ltgtruri": {400}, "lwsruri": {400}, "lwsstart": {400}, "trws": {400, 200}, "escruri": {400, 404}, "baddate": {400, 404},
	"regbadct": {400, 401}, "badaspec": {400, 200, 404}, "baddn": {400, 200}, "badvers": {505}, "mismatch01": {400}, "mismatch02": {400, 501}, "bigcode": {0},
	// 3.2 and 3.3: transaction and application layer.
	"badbranch": {200, 400}, "insuf": {0}, "unkscm": {416, 404}, "novelsc": {416}, "unksm2": {401, 416}, "bext01": {420},
	"invut": {415, 404}, "regaut01": {401}, "multi01": {400}, "mcl01": {400}, "bcast": {0}, "zeromf": {483}, "cparam01": {401},
	"cparam02": {401}, "regescrt": {401}, "sdp01": {406, 415, 488, 404},
	// 3.4: RFC 2543 leaves out the branch and the Max-Forwards; it is to be served.
	"inv2543": {404},
}

func TestTortureMessagesGetWhatRFC4475AsksFor(t *testing.T) {
	files, err := filepath.Glob("testdata/rfc4475/*.dat")
	if err != nil || len(files) != 49 {
		t.Fatalf("got %d messages, %v", len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".dat")
		t.Run(name, func(t *testing.T) {
			want, known := torture[name]
			if !known {
				t.Fatal("no expected outcome")
			}
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			e := startEdge(t, nil) // several messages share a transaction key
			p := e.phone()
			p.send(string(data))
			patience := patience
			if want[0] == 0 {
				patience = 300 * time.Millisecond
			}
			m := p.read(patience)
			for strings.HasPrefix(m, "SIP/2.0 1") {
				m = p.read(patience)
			}
			for _, w := range want {
				if status(m) == w {
					e.phone().await("OPTIONS", 200) // alive
					return
				}
			}
			t.Errorf("got %d, want one of %v\n%s", status(m), want, m)
		})
	}
}
