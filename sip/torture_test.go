package sip_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The outcome that RFC 4475 asks for, for a server that takes calls to its own
// queues; 0 is "no answer". What stands first is exact; what follows is another
// that the RFC lets pass.
var torture = map[string][]int{
	// 3.1.1: valid messages. The names dialled are not ours, hence 404; wsinv
	// carries a To-tag, hence 481.
	"wsinv": {481}, "intmeth": {405, 501}, "esc01": {404}, "escnull": {401}, "esc02": {405, 501}, "lwsdisp": {200},
	"longreq": {404}, "dblreq": {401}, "semiuri": {200}, "transports": {200}, "mpart01": {405, 415}, "unreason": {0}, "noreason": {0},
	// 3.1.2: invalid messages.
	"badinv01": {400}, "clerr": {400}, "ncl": {400}, "scalar02": {400}, "scalarlg": {0}, "quotbal": {400},
	"ltgtruri": {400}, "lwsruri": {400}, "lwsstart": {400}, "trws": {400, 200}, "escruri": {400, 404}, "baddate": {400, 404},
	"regbadct": {400, 401}, "badaspec": {400, 200, 404}, "baddn": {400, 200}, "badvers": {505}, "mismatch01": {400}, "mismatch02": {501, 400}, "bigcode": {0},
	// 3.2 and 3.3: transaction and application layer.
	"badbranch": {400, 200}, "insuf": {0}, "unkscm": {416, 404}, "novelsc": {416}, "unksm2": {401, 416}, "bext01": {420},
	"invut": {415, 404}, "regaut01": {401}, "multi01": {400}, "mcl01": {400}, "bcast": {0}, "zeromf": {483}, "cparam01": {401},
	"cparam02": {401}, "regescrt": {401}, "sdp01": {406, 415, 488, 404},
	// 3.4: RFC 2543 leaves out the branch and the Max-Forwards; it is to be served.
	"inv2543": {404},
}

// The same of RFC 5118 (SIP and IPv6), through a socket of IPv4: what counts is
// that the references are read. REGISTER is challenged, dialogs are not known,
// names are not ours.
var tortureIPv6 = map[string][]int{
	"ipv6-good":        {401}, // 4.1
	"ipv6-bad":         {400}, // 4.2: an address without its brackets
	"port-ambiguous":   {401}, // 4.3: an address, not a port
	"port-unambiguous": {401}, // 4.4
	// 4.5: received is taken with and without the brackets.
	"via-received-param-with-delim": {481}, "via-received-param-no-delim": {200},
	"ipv6-in-sdp":       {404}, // 4.6
	"mult-ip-in-header": {481}, // 4.7
	"mult-ip-in-sdp":    {404}, // 4.8
	"ipv4-mapped-ipv6":  {404}, // 4.9
	// 4.10: an error of the grammar of RFC 3261 allows three colons; no address has them.
	"ipv6-bug-abnf-3-colons": {400, 200}, "ipv6-correct-abnf-2-colons": {200},
}

func TestTortureMessagesGetWhatRFC4475AsksFor(t *testing.T) {
	if exact := tormented(t, "testdata/rfc4475", torture, 49); exact < 40 {
		t.Errorf("only %d of 49 are exact", exact)
	}
}

func TestTortureMessagesGetWhatRFC5118AsksFor(t *testing.T) {
	if exact := tormented(t, "testdata/rfc5118", tortureIPv6, 12); exact < 11 {
		t.Errorf("only %d of 12 are exact", exact)
	}
}

// tormented sends each message of a folder to a server that has a call up, and
// returns how many had the exact outcome.
func tormented(t *testing.T, dir string, table map[string][]int, count int) (exact int) {
	files, err := filepath.Glob(dir + "/*.dat")
	if err != nil || len(files) != count || len(table) != count {
		t.Fatalf("got %d messages and %d outcomes, %v", len(files), len(table), err)
	}
	tolerable := 0
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".dat")
		t.Run(name, func(t *testing.T) {
			want, known := table[name]
			if !known {
				t.Fatal("no expected outcome")
			}
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			e := startEdge(t, nil) // several messages share a transaction key
			living := e.talking()
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
			switch slices.Index(want, status(m)) {
			case 0:
				exact++
				tolerable++
			case -1:
				t.Errorf("got %d, want one of %v\n%s", status(m), want, m)
			default:
				tolerable++
				t.Logf("got %d, exact is %d", status(m), want[0])
			}
			e.phone().await("OPTIONS", 200) // alive
			living.untouched(t)
		})
	}
	t.Logf("of %d messages %d had the exact outcome, %d a tolerable one; the server lived and calls in progress went on", count, exact, tolerable)
	return exact
}
