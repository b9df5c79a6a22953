//go:build e2e

package test

import "time"

// hurry sends a stamped packet each millisecond for 100 ms, so that who hears
// them knows when he could be heard.
func (p *phone) hurry(d *dialog) {
	packet := rtpPacket(0, true, 0, 0, 160)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := range 100 {
		packet[3] = byte(i)
		stamp(packet)
		_, _ = p.rtp.WriteToUDP(packet, d.media)
		<-tick.C
	}
}
