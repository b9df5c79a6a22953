package media

import (
	"log/slog"

	"pickup/internal/logkey"
)

// PlayPCM is Play of audio that is no prompt: 8 kHz, mono. pcm is not changed
// afterwards. A part of it that cannot be encoded is heard as silence.
func (l *Leg) PlayPCM(token string, pcm []int16) {
	next := &playback{token: token}
	if len(pcm) > 0 {
		next.clips = []*clip{newClip(pcm)}
	} else {
		l.log.Warn("nothing to play", slog.String("token", token), slog.String(logkey.Leg, string(l.id)))
	}
	l.player.begun.Store(true)
	l.prepare(next)
	l.cut(l.player.playing.Swap(next))
	l.prepare(next) // a new agreement may have come between
}
