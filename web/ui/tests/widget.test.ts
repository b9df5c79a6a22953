import { describe, expect, it } from 'vitest';
import { randomId } from '../src/lib/random';
import { afterClose, Conversation, MAX_PENDING, minutes, parseKeptChat, parsePending } from '../src/widget/rules';

const said = (seq: number, by: string, text: string, client_id = '') => ({ type: 'message', seq, by, text, client_id, at: '2026-01-01T00:00:00.000Z' });

describe('a conversation', () => {
  it('shows each event once and in order, whatever the network repeats', () => {
    const c = new Conversation();
    for (const e of [said(1, 'visitor', 'a', 'c1'), said(2, 'agent', 'b'), said(1, 'visitor', 'a', 'c1'), said(2, 'agent', 'b'), said(3, 'visitor', 'c')]) {
      expect(c.apply(e)).toBe(true);
    }
    expect(c.all().map((l) => l.text)).toEqual(['a', 'b', 'c']);
  });

  it('says that something is missing instead of showing a gap', () => {
    const c = new Conversation();
    c.apply(said(1, 'visitor', 'a'));
    expect(c.apply(said(3, 'agent', 'c'))).toBe(false);
    expect(c.lastSeq).toBe(1);
    expect(c.all()).toHaveLength(1);
  });

  it('shows what waits at the end until the server has it', () => {
    const c = new Conversation();
    c.say({ client_id: 'c1', text: 'mine', files: [], at: 1 });
    c.apply(said(1, 'agent', 'theirs'));
    expect(c.all().map((l) => [l.text, l.seq])).toEqual([['theirs', 1], ['mine', 0]]);
    c.apply(said(2, 'visitor', 'mine', 'c1'));
    expect(c.all().map((l) => [l.text, l.seq])).toEqual([['theirs', 1], ['mine', 2]]);
    expect(c.pending).toEqual([]);
  });

  it('holds a limited number of messages that wait', () => {
    const c = new Conversation();
    for (let i = 0; i < MAX_PENDING; i++) expect(c.say({ client_id: `c${i}`, text: 'x', files: [], at: 0 })).toBe(true);
    expect(c.say({ client_id: 'more', text: 'x', files: [], at: 0 })).toBe(false);
  });

  it('follows state, assignment, read marks and the offer of a call', () => {
    const c = new Conversation();
    c.apply({ type: 'assignment', seq: 1, agent: 'Alice' });
    c.apply({ type: 'state', seq: 2, state: 'open' });
    c.apply({ type: 'read', seq: 3, by: 'agent', up_to: 2 });
    c.apply({ type: 'call', seq: 4, by: 'agent' });
    expect([c.agent, c.state, c.readUpTo, c.callOffered]).toEqual(['Alice', 'open', 2, true]);
  });
});

describe('what was kept', () => {
  it.each([null, '', '{', '[]', '{"id":1}'])('is nothing: %s', (text) => expect(parseKeptChat(text)).toBeNull());
  it('is a conversation', () => expect(parseKeptChat('{"id":"a","token":"b","queue":"q"}')).toEqual({ id: 'a', token: 'b', queue: 'q', number: 0 }));
  it('is messages, without what is none', () => {
    expect(parsePending('[{"client_id":"c","text":"t","at":5},{"text":"x"},null]')).toEqual([{ client_id: 'c', text: 't', files: [], at: 5 }]);
    expect(parsePending('{')).toEqual([]);
  });
});

describe('small things', () => {
  it.each([[0, 0, ''], [10_000, 50_000, '1'], [60_000, 170_000, '1-3']])('minutes of %i to %i ms: %s', (low, high, want) => expect(minutes(low, high)).toBe(want));
  it.each([[4401, 'token'], [4429, 'slow'], [4503, 'again'], [1006, 'again'], [1000, 'over']] as const)('close code %i: %s', (code, want) => expect(afterClose(code)).toBe(want));
  it('client ids are long and differ', () => {
    expect(randomId()).toMatch(/^[A-Za-z0-9_-]{24}$/);
    expect(randomId()).not.toBe(randomId());
  });
});
