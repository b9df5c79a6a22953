import { render, screen } from '@testing-library/svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import QueueForm from '../src/console/QueueForm.svelte';
import UserForm from '../src/console/UserForm.svelte';
import { language } from '../src/lib/i18n.svelte';
import { fr } from '../src/locales/fr';
import { en } from '../src/locales/en';

const sent: { method: string; path: string; body: Record<string, unknown> }[] = [];

/** The server answers each request so. */
function answer(status: number, body: unknown): void {
  vi.stubGlobal('fetch', async (request: Request) => {
    sent.push({ method: request.method, path: new URL(request.url).pathname, body: (await request.json()) as Record<string, unknown> });
    return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });
  });
}

const problem = (status: number, ...fields: string[]) =>
  answer(status, { status, title: 'refused', errors: fields.map((location) => ({ location, message: 'English of the server' })) });

afterEach(() => {
  vi.unstubAllGlobals();
  sent.length = 0;
  language.set('en');
});

const submit = () => (document.querySelector('button[type=submit]') as HTMLButtonElement).click();

/** What stands at the field of a label once the server has answered. */
async function saysAt(label: string): Promise<string> {
  const field = screen.getByLabelText(label);
  await vi.waitFor(() => expect(field.getAttribute('aria-invalid')).toBe('true'));
  return document.getElementById(field.getAttribute('aria-describedby') ?? '')?.textContent ?? '';
}

describe('a form', () => {
  it.each([['fr', fr], ['en', en]] as const)('tells each fault of the server at its field, in %s', async (lang, words) => {
    language.set(lang);
    problem(422, 'body.login', 'body.password');
    render(UserForm, { saved: () => {}, close: () => {} });
    submit();
    expect(await saysAt(words['signIn.login'])).toBe(words['fault.login']);
    expect(await saysAt(words['signIn.password'])).toBe(words['fault.password']);
    expect(screen.getByLabelText(words['users.name']).getAttribute('aria-invalid')).toBeNull();
  });

  it('says what another has already', async () => {
    problem(409, 'body.login');
    render(UserForm, { saved: () => {}, close: () => {} });
    submit();
    expect(await saysAt(en['signIn.login'])).toBe(en['taken.login']);
  });

  it('says a fault of no field of its own below', async () => {
    problem(422, 'body.colour');
    render(UserForm, { saved: () => {}, close: () => {} });
    submit();
    await vi.waitFor(() => expect(screen.getByRole('alert').textContent).toContain('refused'));
  });

  it('sends seconds as milliseconds and keeps what it does not show', async () => {
    answer(200, {});
    const q = { id: 'q', name: 'vip', title: { fr: 'VIP', de: 'Wichtig' }, enabled: false, target_ms: 10_000, target_percent: 90, max_wait_ms: 0, max_length: 2, wrap_up_ms: 5500, strategy: 'round_robin' as const,
      require: 'payments 3, chat 2? | vip', language_level: 2, relax_level_ms: 20_000, relax_optional_ms: 40_000, relax_language_ms: 60_500, ring_most: 4, ring_step_ms: 6000, members: [] };
    const saved = vi.fn();
    render(QueueForm, { q, saved });
    submit();
    await vi.waitFor(() => expect(saved).toHaveBeenCalledWith('vip'));
    const { id: _, members: __, ...settings } = q;
    expect(sent).toEqual([{ method: 'PUT', path: '/api/v1/queues/vip', body: settings }]);
  });
});
