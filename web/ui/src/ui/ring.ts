// A ringing tone made by WebAudio: two soft notes, every three seconds.

/** Rings until the function it returns is called. */
export function ring(): () => void {
  let context: AudioContext;
  try {
    context = new AudioContext();
  } catch {
    return () => {}; // no sound on this machine: the screen says it
  }
  const gain = context.createGain();
  gain.gain.value = 0;
  gain.connect(context.destination);
  const notes = [587.3, 880].map((frequency) => {
    const note = context.createOscillator();
    note.frequency.value = frequency;
    note.connect(gain);
    note.start();
    return note;
  });
  const burst = () => {
    const at = context.currentTime;
    for (const from of [at, at + 0.5]) {
      gain.gain.setValueAtTime(0, from);
      gain.gain.linearRampToValueAtTime(0.12, from + 0.03);
      gain.gain.exponentialRampToValueAtTime(0.0005, from + 0.42);
    }
  };
  burst();
  const timer = setInterval(burst, 3000);
  return () => {
    clearInterval(timer);
    for (const note of notes) note.stop();
    void context.close();
  };
}
