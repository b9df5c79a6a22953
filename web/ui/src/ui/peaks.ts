// Peaks of a stereo PCM16 WAV, for a waveform of two lanes.

export interface Peaks {
  /** Highest absolute value of each bucket, 0 to 1; left is the player, right the agent. */
  left: Float32Array;
  right: Float32Array;
}

/** Reads the peaks of a WAV (RIFF, PCM 16 bit, two channels); null for anything else. */
export function peaksOf(bytes: ArrayBuffer, buckets: number): Peaks | null {
  const view = new DataView(bytes);
  if (bytes.byteLength < 44 || view.getUint32(0) !== 0x52494646 || view.getUint32(8) !== 0x57415645) return null;
  let at = 12;
  let stereo16 = false;
  while (at + 8 <= bytes.byteLength) {
    const id = view.getUint32(at);
    const size = view.getUint32(at + 4, true);
    if (id === 0x666d7420) stereo16 = view.getUint16(at + 10, true) === 2 && view.getUint16(at + 22, true) === 16;
    if (id === 0x64617461) {
      if (!stereo16) return null;
      const start = at + 8;
      const frames = Math.floor(Math.min(size, bytes.byteLength - start) / 4);
      return measure(view, start, frames, buckets);
    }
    at += 8 + size + (size & 1);
  }
  return null;
}

function measure(view: DataView, start: number, frames: number, buckets: number): Peaks {
  const left = new Float32Array(buckets);
  const right = new Float32Array(buckets);
  for (let i = 0; i < frames; i++) {
    const b = Math.floor((i * buckets) / frames);
    const l = Math.abs(view.getInt16(start + i * 4, true)) / 32768;
    const r = Math.abs(view.getInt16(start + i * 4 + 2, true)) / 32768;
    if (l > left[b]!) left[b] = l;
    if (r > right[b]!) right[b] = r;
  }
  return { left, right };
}
