// A short sound for something that is offered: once, and again every few seconds
// until it is over. The screen says it too.

/** Sounds until the function it returns is called. */
export function chime(everyMs = 4000): () => void {
  let context: AudioContext;
  try {
    context = new AudioContext();
  } catch {
    return () => {};
  }
  const gain = context.createGain();
  gain.gain.value = 0;
  gain.connect(context.destination);
  const note = context.createOscillator();
  note.type = 'triangle';
  note.frequency.value = 740;
  note.connect(gain);
  note.start();
  const sound = () => {
    for (const [from, pitch] of [[0, 740], [0.18, 988]] as const) {
      const at = context.currentTime + from;
      note.frequency.setValueAtTime(pitch, at);
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(0.1, at + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.0005, at + 0.16);
    }
  };
  sound();
  const timer = setInterval(sound, everyMs);
  return () => {
    clearInterval(timer);
    void context.close();
  };
}
