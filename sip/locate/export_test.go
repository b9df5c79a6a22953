package locate

import "golang.org/x/net/dns/dnsmessage"

// Parse counts the records of an answer.
func Parse(b []byte, id uint16, name string, kind uint16) int {
	a, _, _ := parse(b, id, dnsmessage.Question{Name: dnsmessage.MustNewName(name), Type: dnsmessage.Type(kind)})
	return len(a.addrs) + len(a.srv) + len(a.naptr)
}
