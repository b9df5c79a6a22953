import { describe, expect, it } from 'vitest';
import { Resource } from '../src/lib/resource.svelte';

describe('a thing read from the server', () => {
  // Who saves and reads again acts on what he finds: it must not be what was there before.
  it('is as new as the call when a refresh is done, also when a newer one overtook it', async () => {
    const answers: ((v: string) => void)[] = [];
    const r = new Resource(() => new Promise<string>((ok) => answers.push(ok)));
    const seen: string[] = [];
    const first = r.refresh().then(() => seen.push(`first: ${r.data}`));
    const second = r.refresh().then(() => seen.push(`second: ${r.data}`));
    answers[0]?.('old');
    await new Promise((ok) => setTimeout(ok));
    expect(seen).toEqual([]);
    answers[1]?.('new');
    await Promise.all([first, second]);
    expect(seen.toSorted()).toEqual(['first: new', 'second: new']);
  });

  it('is not waited for when its page has gone', async () => {
    const answers: ((v: string) => void)[] = [];
    const r = new Resource(() => new Promise<string>((ok) => answers.push(ok)));
    const stop = r.follow([]);
    const mine = r.refresh();
    stop();
    answers.forEach((ok) => ok('late'));
    await mine;
    expect(r.data).toBeUndefined();
  });
});
