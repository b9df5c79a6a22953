/** Follows how loud a microphone is, 0 to 1, until the function it returns is called. */
export type Meter = (microphone: MediaStream, tell: (level: number) => void) => () => void;

/** A meter of ten looks a second. Where there is no AudioContext it tells nothing. */
export const meter: Meter = (microphone, tell) => {
  try {
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    analyser.fftSize = 512;
    context.createMediaStreamSource(microphone).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    const timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      let sum = 0;
      for (const s of samples) sum += s * s;
      const decibels = 10 * Math.log10(sum / samples.length + 1e-9);
      tell(Math.min(1, Math.max(0, (decibels + 60) / 50)));
    }, 100);
    return () => {
      clearInterval(timer);
      void context.close().catch(() => {});
    };
  } catch {
    return () => {}; // the call does not need it
  }
};
