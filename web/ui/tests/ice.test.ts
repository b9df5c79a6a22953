import { describe, expect, it, vi } from 'vitest';
import { iceServers } from '../src/lib/ice';
import { watchMicrophone } from '../src/lib/microphone';

describe('the ICE servers of an answer', () => {
  it('are read from Link fields that fetch joined', () => {
    const link =
      '<stun:r.example>; rel="ice-server", <turn:r.example:3478?transport=udp>; rel="ice-server"; username="17:a"; credential="x+/="; credential-type="password", </terms>; rel="help"';
    expect(iceServers(link)).toEqual([
      { urls: 'stun:r.example' },
      { urls: 'turn:r.example:3478?transport=udp', username: '17:a', credential: 'x+/=' },
    ]);
  });
  it('are none without a field, or with rubbish', () => {
    for (const link of [null, '', '<>; rel="ice-server"', 'turn:x', '<turn:x>; rel=ice-server']) expect(iceServers(link)).toEqual([]);
  });
});

describe('a microphone', () => {
  const track = () => ({ readyState: 'live', stop: vi.fn() }) as unknown as MediaStreamTrack & { readyState: string };
  const streamOf = (first: MediaStreamTrack) => {
    let tracks = [first];
    return {
      getAudioTracks: () => tracks,
      addTrack: (t: MediaStreamTrack) => tracks.push(t),
      removeTrack: (t: MediaStreamTrack) => (tracks = tracks.filter((o) => o !== t)),
    } as unknown as MediaStream;
  };
  const devices = (give: () => Promise<MediaStreamTrack>) => {
    const all = { getUserMedia: async () => { const given = await give(); return { getAudioTracks: () => [given] }; }, ondevicechange: null as (() => unknown) | null };
    Object.defineProperty(navigator, 'mediaDevices', { value: all, configurable: true });
    return all;
  };
  const pause = () => new Promise((done) => setTimeout(done));

  it('that is unplugged is lost until another is plugged in', async () => {
    const [first, second] = [track(), track()];
    let plugged = false;
    const all = devices(() => (plugged ? Promise.resolve(second) : Promise.reject(new Error('none'))));
    const heard = vi.fn();
    first.enabled = false;
    const replaceTrack = vi.fn(async () => {});
    const stream = streamOf(first);
    const stop = watchMicrophone(stream, () => ({ replaceTrack }) as unknown as RTCRtpSender, heard);
    first.readyState = 'ended';
    first.onended?.(new Event('ended'));
    await pause();
    expect(heard.mock.calls).toEqual([[true]]);
    plugged = true;
    all.ondevicechange?.();
    await pause();
    expect(heard.mock.lastCall).toEqual([false]);
    expect(replaceTrack.mock.calls).toEqual([[second]]);
    expect(stream.getAudioTracks()).toEqual([second]);
    expect(second.enabled).toBe(false); // muted stays muted
    all.ondevicechange?.(); // it lives: nothing is asked for
    await pause();
    expect(heard.mock.calls.length).toBe(2);
    stop();
    second.readyState = 'ended';
    all.ondevicechange?.();
    await pause();
    expect(heard.mock.calls.length).toBe(2);
  });
  it('that the system silences is lost until it speaks again', () => {
    const first = track();
    devices(() => Promise.reject(new Error('none')));
    const heard = vi.fn();
    watchMicrophone(streamOf(first), () => undefined, heard);
    first.onmute?.(new Event('mute'));
    first.onunmute?.(new Event('unmute'));
    expect(heard.mock.calls).toEqual([[true], [false]]);
  });
});
