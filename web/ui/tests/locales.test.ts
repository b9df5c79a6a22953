import { describe, expect, it } from 'vitest';
import { en } from '../src/locales/en';
import { fr } from '../src/locales/fr';
import { en as playerEn } from '../src/locales/player.en';
import { fr as playerFr } from '../src/locales/player.fr';

const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

describe.each([
  ['console', en, fr],
  ['player', playerEn, playerFr],
] as [string, Record<string, string>, Record<string, string>][])('the dictionaries of the %s', (_, english, french) => {
  it('have the same keys', () => {
    expect(Object.keys(french).sort()).toEqual(Object.keys(english).sort());
  });
  it('have the same holes and no empty text', () => {
    for (const [key, text] of Object.entries(english)) {
      expect(text.trim(), key).not.toBe('');
      expect(french[key]?.trim(), key).not.toBe('');
      expect(holes(french[key] ?? ''), key).toEqual(holes(text));
    }
  });
});
