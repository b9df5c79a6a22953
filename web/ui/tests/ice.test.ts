import { describe, expect, it } from 'vitest';
import { iceServers } from '../src/lib/ice';

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
