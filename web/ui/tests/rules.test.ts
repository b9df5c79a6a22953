import { chord, keys } from '../src/lib/keys.svelte';
import { describe, expect, it } from 'vitest';
import { Backoff } from '../src/lib/backoff';
import { clock } from '../src/lib/clock.svelte';
import { duration, language } from '../src/lib/i18n.svelte';
import { shareLevel, waitLevel } from '../src/lib/model';
import { wanted } from '../src/player/codecs';
import { ending, estimateText, KEEP_MS, microphoneFailure, offerFailure, parseKept, retryAfter } from '../src/player/rules';
import { whyAgent, whyText } from '../src/ui/why';

const plain = (text: string) => text.replaceAll('\u00a0', ' ');

describe('what the page offers', () => {
  it('is what the server may speak, Opus first, each with its keys', () => {
    const known = ['audio/opus', 'audio/red', 'audio/G722', 'audio/PCMU', 'audio/PCMA', 'audio/CN', 'audio/telephone-event'].map((mimeType) => ({ mimeType }));
    expect(wanted(known).map((c) => c.mimeType)).toEqual(['audio/opus', 'audio/PCMA', 'audio/PCMU', 'audio/telephone-event']);
  });
});

describe('what the player is told', () => {
  it.each([
    ['NotAllowedError', 'denied'], ['NotFoundError', 'none'], ['NotReadableError', 'busy'], ['TypeError', 'unsupported'],
  ])('a microphone error %s is %s', (name, want) => expect(microphoneFailure(name)).toBe(want));

  it.each([
    [404, false, 'queue'], [404, true, 'gone'], [410, true, 'gone'], [503, false, 'full'], [429, false, 'full'], [422, false, 'media'],
    [500, false, 'away'], [502, false, 'away'], [403, false, 'refused'],
  ] as const)('status %i (resuming %s) is %s', (status, resuming, want) => expect(offerFailure(status, resuming)).toBe(want));

  it.each([
    ['answered', true, 'talk'], ['abandoned', false, 'left'], ['short_abandoned', false, 'left'], ['overflow_time', false, 'overflow'],
    ['closed', false, 'closed'], ['failed_system', false, 'server'],
  ] as const)('reason %s ends as %s', (reason, talked, want) => expect(ending(reason, talked)).toBe(want));

  it('rounds estimates to whole minutes', () => {
    expect(estimateText(0, 0)).toEqual({ key: 'estimate.none' });
    expect(estimateText(10_000, 50_000)).toEqual({ key: 'estimate.lt1' });
    expect(estimateText(90_000, 170_000)).toEqual({ key: 'estimate.range', low: 1, high: 3 });
    expect(estimateText(120_000, 120_000)).toEqual({ key: 'estimate.one', n: 2 });
  });

  it('reads Retry-After', () => {
    expect(retryAfter('7')).toBe(7);
    expect(retryAfter(null)).toBe(10);
    expect(retryAfter('99999')).toBe(600);
  });

  it('resumes within 180 seconds, a promised callback always', () => {
    const kept = { token: 't', location: '/w/v1/calls/1', queue: 'support', lang: 'fr', at: 1000, callback: false, talked: false };
    expect(parseKept(JSON.stringify(kept), 1000 + KEEP_MS)).toEqual(kept);
    expect(parseKept(JSON.stringify(kept), 1001 + KEEP_MS)).toBeNull();
    expect(parseKept(JSON.stringify({ ...kept, callback: true }), 10 * KEEP_MS)).not.toBeNull();
    expect(parseKept('{"token":3}', 0)).toBeNull();
    expect(parseKept('nonsense', 0)).toBeNull();
  });
});

describe('what the console decides', () => {
  it('is amber from half of the target and red beyond it', () => {
    expect([14_999, 15_000, 30_000, 30_001].map((ms) => waitLevel(ms, 30_000))).toEqual(['good', 'warn', 'warn', 'bad']);
    expect([80, 79, 70, 69].map((p) => shareLevel(p))).toEqual(['good', 'warn', 'warn', 'bad']);
  });

  it('says why an agent was chosen in the language of the page', () => {
    const stored = 'preferred agent, skill french 3, rank 1, longest idle: 83 s, all others tried, something new';
    expect(whyText(stored)).toBe('preferred agent, skill french 3, rank 1, idle longest: 1:23, all others tried, something new');
    language.set('fr');
    expect(plain(whyText(stored))).toBe('agent préféré, compétence french 3, rang 1, libre depuis le plus longtemps : 1:23, tous les autres essayés, something new');
    expect(whyText('packed: load 1, last hour 2, claimed by hand, promoted past its deadline, interrupts text')).toBe('1 échange en cours, 2 dans l’heure, pris à la main, échéance dépassée, interrompt un échange écrit');
    expect(plain(whyText('rank 0, least occupied: 60 s, fewest calls: 2, round robin, linear, weighted random'))).toBe('rang 0, le moins de temps en appel : 1:00, le moins d’appels : 2, à son tour, premier de la liste, tiré au sort');
    const keyed = 'transferred by 1004 to this agent, class 1, waited 12 s, target 120 s, priority 3, key 1764173456789, rank 1, packed: load 33, last hour 1';
    expect(whyAgent(keyed)).toBe('transféré par 1004 à cet agent, rang 1, 33 échanges en cours, 1 dans l’heure');
    expect(plain(whyText(keyed))).toMatch(/^transféré par 1004 à cet agent, ordre : en direct, attendu 0:12, objectif 2:00, priorité .+, clé d’ordre .+, rang 1, /);
    language.set('en');
    expect(whyText(keyed)).toMatch(/^transferred by 1004 to this agent, order: live, waited 0:12, target 2:00, priority .+, key of the order .+, rank 1, /);
  });

  it('counts from the stamps of a server whose clock differs', () => {
    const at = new Date(Date.now() + 90_000).toISOString(); // the server is 100 s ahead: it happened 10 s ago
    clock.learn(Date.now() + 100_000);
    clock.now = clock.server();
    expect(Math.round(clock.since(at) / 1000)).toBe(10);
    clock.learn(Date.now() + 700); // transport, no clock
    expect(Math.abs(clock.server() - Date.now())).toBeLessThan(100);
  });

  it('writes durations', () => {
    expect([0, 7_999, 723_000, 3_723_000, -5].map(duration)).toEqual(['0:00', '0:07', '12:03', '1:02:03', '0:00']);
  });

  it('waits longer after each failure, never beyond the limit', () => {
    const b = new Backoff(500, 4000, () => 1);
    expect([b.next(), b.next(), b.next(), b.next(), b.next()]).toEqual([500, 1000, 2000, 4000, 4000]);
    b.reset();
    expect(b.next()).toBe(500);
  });
});

describe('the keys', () => {
  const press = (key: string, more: Partial<KeyboardEventInit> = {}) => chord({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });
  it('have one name each', () => {
    expect(press('m')).toBe('M');
    expect(press('M', { shiftKey: true })).toBe('Shift+M');
    expect(press('?', { shiftKey: true })).toBe('?');
    expect(press(' ', { ctrlKey: true })).toBe('Ctrl+Space');
    expect(press('h', { metaKey: true, shiftKey: true })).toBe('Ctrl+Shift+H');
    expect(press('Shift', { shiftKey: true })).toBe('');
  });
  it('are of one deed each, kept by the browser', () => {
    keys.set('mute', 'J');
    expect([keys.map.mute, keys.map.down]).toEqual(['J', '']);
    expect(JSON.parse(localStorage.getItem('pickup.keys') ?? '')).toEqual({ mute: 'J', down: '' });
    keys.reset();
    expect([keys.map.mute, keys.map.down]).toEqual(['M', 'J']);
  });
  it('do nothing while somebody writes, but those with Ctrl', () => {
    const done: string[] = [];
    const offs = (['mute', 'hangup'] as const).map((d) => keys.on(d, () => void done.push(d)));
    const box = document.body.appendChild(document.createElement('textarea'));
    addEventListener('keydown', (e) => keys.press(e), { once: false });
    for (const at of [box, document.body]) {
      at.dispatchEvent(new KeyboardEvent('keydown', { key: 'm', bubbles: true }));
      at.dispatchEvent(new KeyboardEvent('keydown', { key: 'e', ctrlKey: true, bubbles: true }));
    }
    expect(done).toEqual(['hangup', 'mute', 'hangup']);
    offs.forEach((off) => off());
    box.remove();
  });
});
