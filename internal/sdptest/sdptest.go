// Package sdptest holds hostile and odd session descriptions with the outcome
// that each must have, for the tests of those who read them: media takes the
// text, sip an INVITE around it. They are built from RFC 8866 (SDP), 3264
// (offer and answer), 3605 (a=rtcp), 4568 (a=crypto), 5763 (DTLS-SRTP), 5888
// (groups) and 8839 (ICE). It is imported by tests alone.
package sdptest

import (
	"slices"
	"strconv"
	"strings"
)

// Case is one offer.
type Case struct {
	Name  string
	Offer string
	// Status is the final response to an INVITE with that offer: 200 or 488.
	Status int
	// Refused is another status that is right because the message around the
	// offer is refused first; 0: none.
	Refused int
	// Has are lines that the answer has, in this order. PORT stands for ours.
	Has []string
}

// Head is the session part of a description of a phone at 127.0.0.1, and the
// sections below it.
const (
	version    = "v=0\r\n"
	origin     = "o=x 1 1 IN IP4 127.0.0.1\r\n"
	name       = "s=-\r\n"
	connection = "c=IN IP4 127.0.0.1\r\n"
	timing     = "t=0 0\r\n"
	Head       = version + origin + name + connection + timing
	audio      = "m=audio 40000 RTP/AVP 8\r\n"
)

// taken are the lines of every answer that takes the offer.
var taken = []string{"m=audio PORT RTP/AVP 8", "a=sendrecv"}

func ok(title, offer string, has ...string) Case {
	if len(has) == 0 {
		has = taken
	}
	return Case{Name: title, Offer: offer, Status: 200, Has: has}
}

func no(title, offer string) Case { return Case{Name: title, Offer: offer, Status: 488} }

// at is an offer of audio at another address.
func at(c string) string { return version + origin + name + c + "\r\n" + timing + audio }

// with is the plain offer and more attributes of its audio.
func with(lines ...string) string { return Head + audio + strings.Join(append(lines, ""), "\r\n") }

// lines are n lines of which each is made by f.
func lines(n int, f func(i int) string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(f(i) + "\r\n")
	}
	return b.String()
}

// Cases are all of them; names are unique.
func Cases() []Case {
	return slices.Concat(structure(), numbers(), addresses(), formats(), sections(), attributes(), bytesOfNote(), sizes())
}

// structure: lines that are missing, doubled, in another order, or end oddly
// (RFC 8866 section 5, 9).
func structure() []Case {
	plain := Head + audio
	return []Case{
		ok("the plain one", plain),
		no("empty but for a line end", "\r\n"),
		no("no description", "hello"),
		no("no v line", origin+name+connection+timing+audio),
		no("version 1", "v=1\r\n"+origin+name+connection+timing+audio),
		no("no o line", version+name+connection+timing+audio),
		no("two v lines", version+plain),
		no("two o lines", version+origin+origin+name+connection+timing+audio),
		no("two s lines", version+origin+name+name+connection+timing+audio),
		no("s before o", version+name+origin+connection+timing+audio),
		no("two descriptions in one", plain+plain),
		no("a type letter that is none", Head+"x=1\r\n"+audio),
		no("white space before the equals sign", Head+"m =audio 40000 RTP/AVP 8\r\n"),
		no("a line without an equals sign", with("rubbish")),
		no("no media", Head),
		no("no connection", version+origin+name+timing+audio),
		ok("connection of the media alone", version+origin+name+timing+audio+connection),
		ok("connection of the media before that of the session", version+origin+name+"c=IN IP4 192.0.2.1\r\n"+timing+audio+connection),
		ok("a session name that is empty", version+origin+"s=\r\n"+connection+timing+audio),
		ok("every optional line", version+origin+name+"i=x\r\nu=http://example.com/\r\ne=a@example.com\r\np=+33 1\r\n"+connection+"b=AS:64\r\n"+timing+"a=x\r\n"+audio),
		ok("line feeds alone", strings.ReplaceAll(plain, "\r\n", "\n")),
		ok("carriage returns alone", strings.ReplaceAll(plain, "\r\n", "\r")),
		ok("empty lines between", strings.ReplaceAll(plain, "\r\n", "\r\n\r\n")),
		ok("a last line without its end", strings.TrimSuffix(plain, "\r\n")),
		ok("white space at the ends of lines", strings.ReplaceAll(plain, "\r\n", " \t\r\n")),
		no("JSON", `{"type":"offer","sdp":"v=0"}`),
		no("XML", `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>`),
	}
}

// numbers: too large, negative, none (RFC 8866 5.2, 5.9, 5.14).
func numbers() []Case {
	port := func(p string) string { return Head + "m=audio " + p + " RTP/AVP 8\r\n" }
	return []Case{
		ok("a session id of 40 digits", version+"o=x "+strings.Repeat("9", 40)+" 1 IN IP4 127.0.0.1\r\n"+name+connection+timing+audio),
		ok("a negative session id", version+"o=x -1 -1 IN IP4 127.0.0.1\r\n"+name+connection+timing+audio),
		ok("an origin of one word", version+"o=x\r\n"+name+connection+timing+audio),
		no("a negative bandwidth", Head+audio+"b=AS:-1\r\n"),
		ok("port 65535, which has none after it", port("65535")),
		ok("port 1", port("1")),
		ok("two ports", port("40000/2")),
		no("port 0", port("0")),
		no("port 65536", port("65536")),
		no("port of twenty digits", port(strings.Repeat("9", 20))),
		no("a negative port", port("-40000")),
		no("port in words", port("many")),
		no("port in hexadecimal", port("0x9c40")),
		no("port with a fraction", port("40000.5")),
		no("a count of ports that is none", port("40000/x")),
		no("no port", "m=audio  RTP/AVP 8\r\n"),
		ok("an RTCP port of 0", with("a=rtcp:0")),
		ok("an RTCP port of 99999", with("a=rtcp:99999")),
		ok("RTCP at a group", with("a=rtcp:40001 IN IP4 224.1.1.1")),
	}
}

// addresses: nothing is looked up, and nobody but a host is sent audio
// (RFC 8866 5.7).
func addresses() []Case {
	all := []Case{
		ok("0.0.0.0 holds", at("c=IN IP4 0.0.0.0"), "m=audio PORT RTP/AVP 8", "a=recvonly"),
		ok("a third host", at("c=IN IP4 192.0.2.9")),
	}
	for _, c := range []struct{ title, line string }{
		{"a name", "c=IN IP4 pbx.example.com"},
		{"a name of this host", "c=IN IP4 localhost"},
		{"IPv6 in the place of IPv4", "c=IN IP4 2001:db8::1"},
		{"IPv4 in the place of IPv6", "c=IN IP6 127.0.0.1"},
		{"IPv6 with a zone", "c=IN IP6 fe80::1%eth0"},
		{"an IPv6 group", "c=IN IP6 ff02::1"},
		{"IPv4 within IPv6", "c=IN IP4 ::ffff:127.0.0.1"},
		{"a group", "c=IN IP4 224.1.1.1/127"},
		{"a group without its reach", "c=IN IP4 239.255.255.255"},
		{"several groups", "c=IN IP4 224.1.1.1/127/3"},
		{"broadcast", "c=IN IP4 255.255.255.255"},
		{"a reserved address", "c=IN IP4 240.0.0.1"},
		{"this network", "c=IN IP4 0.1.2.3"},
		{"a reach for one host", "c=IN IP4 127.0.0.1/16"},
		{"five numbers", "c=IN IP4 127.0.0.1.5"},
		{"numbers beyond 255", "c=IN IP4 999.1.1.1"},
		{"octal", "c=IN IP4 0177.0.0.1"},
		{"one number", "c=IN IP4 2130706433"},
		{"hexadecimal", "c=IN IP4 0x7f.0.0.1"},
		{"no address", "c=IN IP4"},
		{"nothing", "c="},
		{"another network", "c=ATM NSAP 47.0091"},
		{"a fourth word", "c=IN IP4 127.0.0.1 127.0.0.2"},
	} {
		all = append(all, no("the connection is "+c.title, at(c.line)))
	}
	return all
}

// formats: payload types that collide, are none or mean something else
// (RFC 3551, RFC 8866 6.6).
func formats() []Case {
	of := func(list string, more ...string) string {
		return Head + "m=audio 40000 RTP/AVP " + list + "\r\n" + strings.Join(append(more, ""), "\r\n")
	}
	return []Case{
		ok("static numbers without a map", of("0 8"), "m=audio PORT RTP/AVP 0", "a=rtpmap:0 PCMU/8000"),
		ok("the same number four times", of("8 8 8 8")),
		ok("numbers beyond 127 beside a good one", of("128 300 99999999999999999999 8")),
		ok("a negative number beside a good one", of("-1 8")),
		ok("words beside a good one", of("x * 8")),
		ok("two maps of one number", of("8 101", "a=rtpmap:101 telephone-event/8000", "a=rtpmap:101 telephone-event/8000"),
			"m=audio PORT RTP/AVP 8 101"),
		ok("a map of a number that is not offered", of("8", "a=rtpmap:99 G729/8000")),
		ok("telephone-event at two clocks", of("8 101 102", "a=rtpmap:102 telephone-event/48000", "a=rtpmap:101 telephone-event/8000"),
			"m=audio PORT RTP/AVP 8 101"),
		ok("telephone-event of another number", of("8 127", "a=rtpmap:127 telephone-event/8000"), "m=audio PORT RTP/AVP 8 127"),
		ok("one of our numbers under another", of("8 96", "a=rtpmap:96 PCMA/8000")),
		ok("a map without a name", of("8 96", "a=rtpmap:96", "a=rtpmap:", "a=rtpmap")),
		ok("parameters of a format that is not there", of("8", "a=fmtp:99 x=y", "a=fmtp:", "a=fmtp")),
		ok("500 formats", of(strings.TrimSpace(strings.Repeat("99 ", 500))+" 8")),
		no("numbers beyond 127 alone", of("128 256")),
		no("one of our numbers for another codec", of("8", "a=rtpmap:8 G729/8000")),
		no("one of our numbers for keys", of("8", "a=rtpmap:8 telephone-event/8000")),
		no("one of our numbers at another clock", of("8", "a=rtpmap:8 PCMA/44100")),
		no("one of our numbers in stereo", of("8", "a=rtpmap:8 PCMA/8000/2")),
		no("a dynamic number without a map", of("96")),
		no("codecs that nobody has", of("97 98", "a=rtpmap:97 NOISE/8000", "a=rtpmap:98 x-secret/1")),
		no("keys alone", of("101", "a=rtpmap:101 telephone-event/8000")),
		no("no format", "m=audio 40000 RTP/AVP\r\n"),
		no("comfort noise alone", of("13")),
	}
}

// sections: other media beside the audio, and several of it (RFC 3264 section 6).
func sections() []Case {
	return []Case{
		ok("video before the audio", Head+"m=video 40002 RTP/AVP 31\r\n"+audio, "m=video 0 RTP/AVP 31", "m=audio PORT RTP/AVP 8"),
		ok("a fax beside the audio", Head+audio+"m=image 40004 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:99999999999999999999\r\n",
			"m=audio PORT RTP/AVP 8", "m=image 0 udptl t38"),
		ok("messages beside the audio", Head+audio+"m=message 7654 TCP/MSRP *\r\na=path:msrp://127.0.0.1:7654/x;tcp\r\n",
			"m=audio PORT RTP/AVP 8", "m=message 0 TCP/MSRP *"),
		ok("slides beside the audio", Head+audio+"m=application 9 TCP/BFCP *\r\na=floorctrl:c-only\r\n",
			"m=audio PORT RTP/AVP 8", "m=application 0 TCP/BFCP *"),
		ok("a medium that is none", Head+"m=smell 9 X/Y z\r\n"+audio, "m=smell 0 X/Y z", "m=audio PORT RTP/AVP 8"),
		ok("audio twice", Head+audio+"m=audio 40006 RTP/AVP 8\r\n", "m=audio PORT RTP/AVP 8", "m=audio 0 RTP/AVP 8"),
		ok("audio twice at the same port", Head+audio+audio, "m=audio PORT RTP/AVP 8", "m=audio 0 RTP/AVP 8"),
		ok("audio that is refused, then good audio", Head+"m=audio 0 RTP/AVP 8\r\n"+audio, "m=audio 0 RTP/AVP 8", "m=audio PORT RTP/AVP 8"),
		ok("audio of no codec, then good audio", Head+"m=audio 40006 RTP/AVP 99\r\n"+audio, "m=audio 0 RTP/AVP 99", "m=audio PORT RTP/AVP 8"),
		ok("audio over TCP, then good audio", Head+"m=audio 9 TCP/RTP/AVP 8\r\n"+audio, "m=audio 0 TCP/RTP/AVP 8", "m=audio PORT RTP/AVP 8"),
		ok("20 media", Head+audio+lines(19, func(int) string { return "m=video 9 RTP/AVP 31" })),
		no("21 media", Head+audio+lines(20, func(int) string { return "m=video 9 RTP/AVP 31" })),
		no("video alone", Head+"m=video 40002 RTP/AVP 31\r\n"),
		no("a fax alone", Head+"m=image 40004 udptl t38\r\n"),
		no("messages alone", Head+"m=message 7654 TCP/MSRP *\r\n"),
		no("audio over TCP alone", Head+"m=audio 9 TCP/RTP/AVP 8\r\n"),
		no("a profile that is none", Head+"m=audio 40000 RTP/XYZ 8\r\n"),
		no("a medium in capitals", Head+"m=AUDIO 40000 RTP/AVP 8\r\n"),
		no("a media line of one word", Head+"m=audio\r\n"),
	}
}

const key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd"

// attributes: direction, time, keys, groups, candidates and capabilities that
// conflict or make no sense.
func attributes() []Case {
	secured := func(lines ...string) string {
		return Head + "m=audio 40000 RTP/SAVP 8\r\n" + strings.Join(append(lines, ""), "\r\n")
	}
	good := "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + key
	candidate := func(i int) string {
		return "a=candidate:" + strconv.Itoa(i) + " 1 UDP 2130706431 10.0.0." + strconv.Itoa(i%256) + " 9 typ host"
	}
	browser := func(lines ...string) string {
		return Head + "m=audio 9 UDP/TLS/RTP/SAVPF 8\r\n" + strings.Join(append(lines, ""), "\r\n")
	}
	answered := []string{"m=audio PORT RTP/AVP 8"}
	return []Case{
		ok("two directions: the last holds", with("a=sendonly", "a=recvonly"), "a=sendonly"),
		ok("the direction of the media goes before that of the session", version+origin+name+connection+timing+"a=inactive\r\n"+audio+"a=sendrecv\r\n"),
		ok("the direction of the session", version+origin+name+connection+timing+"a=sendonly\r\n"+audio, "a=recvonly"),
		ok("0.0.0.0 and inactive", at("c=IN IP4 0.0.0.0")+"a=inactive\r\n", "a=inactive"),
		ok("a direction that is none", with("a=sendsometimes", "a=SENDONLY")),
		ok("a ptime of 0", with("a=ptime:0"), "a=ptime:20"),
		ok("a ptime of 1000", with("a=ptime:1000", "a=maxptime:0"), answered...),
		ok("a ptime that overflows", with("a=ptime:99999999999999999999", "a=maxptime:-1"), answered...),
		ok("a ptime in words", with("a=ptime:often", "a=ptime"), answered...),
		ok("keys that are none beside plain audio", with("a=crypto:", "a=crypto", "a=crypto:1 X inline:", "a=crypto:-1 AES_CM_128_HMAC_SHA1_80 inline:!")),
		no("keys that are none", secured("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:x", "a=crypto:")),
		no("a key that encrypts nothing", secured(good+" UNENCRYPTED_SRTP")),
		no("a good key behind too many bad ones", secured(append(slices.Repeat([]string{"a=crypto:1 X inline:y"}, 16), good)...)),
		no("no key", secured()),
		ok("a good key behind a bad one", secured("a=crypto:9 X inline:y", good), "m=audio PORT RTP/SAVP 8"),
		ok("a group of nobody", version+origin+name+connection+timing+"a=group:BUNDLE 7 8 9\r\na=group:\r\n"+audio),
		ok("rtcp-mux twice", with("a=rtcp-mux", "a=rtcp-mux"), "a=rtcp-mux"),
		no("a browser without a fingerprint", browser("a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=setup:actpass", "a=rtcp-mux")),
		no("a browser with a fingerprint that is none", browser("a=fingerprint:sha-256 zz", "a=ice-ufrag:abcd", "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=setup:actpass", "a=rtcp-mux")),
		no("a browser without ICE", browser("a=fingerprint:sha-256 "+strings.Repeat("AA:", 31)+"AA", "a=setup:actpass", "a=rtcp-mux")),
		ok("a fingerprint beside plain audio (RFC 8643)", with("a=fingerprint:sha-256 AA:BB", "a=setup:actpass")),
		ok("1,000 candidates", Head+audio+lines(1000, candidate)),
		ok("candidates that are none", with("a=candidate:", "a=candidate", "a=candidate:1 1 UDP x y z", "a=candidate:1 256 UDP -1 ::1 99999 typ nobody")),
		ok("a name of ICE of 10,000 bytes", with("a=ice-ufrag:"+strings.Repeat("u", 10000), "a=ice-pwd:")),
		ok("capabilities (RFC 5939) are passed over", with("a=tcap:1 RTP/SAVPF", "a=acap:1 crypto:1 X", "a=pcfg:1 t=1 a=1", "a=csup:x", "a=creq:y")),
		ok("preconditions (RFC 3312) are passed over", with("a=curr:qos e2e none", "a=des:qos mandatory e2e sendrecv")),
		ok("attributes within attributes", with("a=a:a=a:a=a:"+strings.Repeat("a=a:", 500))),
		ok("attributes without a name", with("a=", "a=:", "a=:x")),
		ok("a clear key (k=)", Head+audio+"k=clear:secret\r\n"),
	}
}

// bytesOfNote: control characters and broken text. None of it may come back.
func bytesOfNote() []Case {
	return []Case{
		ok("broken UTF-8 in the name", version+origin+"s=\xff\xfe\xc3\x28\r\n"+connection+timing+audio),
		ok("text right to left", version+origin+"s=\u202egnp.exe\r\n"+connection+timing+audio),
		ok("a terminal's codes in an attribute", with("a=x:\x1b[2J\x1b]0;owned\x07")),
		no("NUL in the name", version+origin+"s=a\x00b\r\n"+connection+timing+audio),
		no("NUL in an attribute", with("a=x:\x00")),
		no("NUL in another medium", Head+"m=vi\x00deo 9 RTP/AVP 31\r\n"+audio),
		no("a terminal's codes in another medium", Head+"m=vi\x1b[2Jdeo 9 RTP/AVP 31\r\n"+audio),
		no("broken UTF-8 in another medium", Head+"m=video 9 RTP/AVP \xff\xfe\r\n"+audio),
		no("nothing but NUL", strings.Repeat("\x00", 500)),
	}
}

// sizes beyond every limit.
func sizes() []Case {
	tooLong := no("64 KiB of attributes", Head+audio+strings.Repeat("a=x:yyyyyyyyyyyyyyyyyyyyyyyyyy\r\n", 2100))
	tooLong.Refused = 513
	return []Case{
		tooLong,
		no("10,000 lines", Head+audio+strings.Repeat("a=x\r\n", 10000)),
		no("10,000 line ends", Head+strings.Repeat("\r\n", 10000)),
		ok("an attribute of 50,000 bytes", with("a=x:"+strings.Repeat("y", 50000))),
		no("a hundred media", Head+strings.Repeat(audio, 100)),
	}
}
