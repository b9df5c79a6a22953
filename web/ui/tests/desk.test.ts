import { render, screen } from '@testing-library/svelte';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import Composer from '../src/console/Composer.svelte';
import TicketFacts from '../src/console/TicketFacts.svelte';
import { ChatRoom } from '../src/lib/chat.svelte';
import { Lines, parseUnsent, passing } from '../src/lib/conversation';
import { hasRemote, immutable, lastPos, loadRemote, mailDocument, proof, SendKey, threadOf, timelineOf } from '../src/lib/desk';
import { randomId } from '../src/lib/random';
import { language } from '../src/lib/i18n.svelte';
import { capacity, sortWork } from '../src/lib/model';
import type { ChatEvent, Message, TicketStory, Touch, Work } from '../src/lib/model';
import { session } from '../src/lib/session.svelte';

const work = (id: string, extra: Partial<Work>): Work => ({
  id, channel: 'email', state: 'waiting', queue: 'q', interaction_id: id, ticket_id: 't', subject: '', category: '', priority: 1, language: 'fr', player: '', position: 0,
  since: '2026-01-01T00:00:00Z', due_at: null, agent_id: '', agent: '', taken_at: null, offer_ends_at: null, why: '', key_ms: 0, class: 2, ...extra,
});
const message = (pos: number, extra: Partial<Message> = {}): Message => ({
  id: `m${pos}`, pos, seq: pos, interaction_id: 'mail', ticket_id: 't', kind: 'customer', author_id: 'p', text: `text ${pos}`, quoted: '', html: '', automatic: false, status: 'stored',
  attachments: [], created_at: `2026-01-01T00:0${pos}:00Z`, ...extra,
});
const touch = (id: string, channel: string, extra: Partial<Touch> = {}): Touch => ({
  id, channel, direction: 'in', ticket_id: 't', queue: 'q', subject: '', undeliverable: '', started_at: '2026-01-01T00:02:00Z', answered_at: null, ended_at: null, end_reason: '', agent_id: '',
  first_reply_ms: 0, waiting_since: null, ...extra,
});

describe('the work of an agent', () => {
  it('is what he is offered, holds with the live first, set aside; what waits is in the order of the queue', () => {
    const all = [
      work('w1', { class: 2, key_ms: 5 }), work('w2', { class: 1, key_ms: 90 }), work('w3', { class: 1, key_ms: 10 }),
      work('h1', { state: 'active', agent_id: 'me', taken_at: '2026-01-01T00:00:01Z' }), work('h2', { state: 'active', agent_id: 'me', channel: 'chat', taken_at: '2026-01-01T00:00:09Z' }),
      work('p1', { state: 'parked', agent_id: 'me' }), work('o1', { state: 'offered', agent_id: 'me', channel: 'chat' }), work('x1', { state: 'active', agent_id: 'other' }),
    ];
    const sorted = sortWork(all, 'me');
    expect(Object.fromEntries(Object.entries(sorted).map(([k, v]) => [k, v.map((w) => w.id)]))).toEqual({
      offers: ['o1'], held: ['h2', 'h1'], parked: ['p1'], waiting: ['w3', 'w2', 'w1'], others: ['x1'],
    });
  });

  it.each([
    ['nothing', [], false, 0], ['a chat and a mail', [{ channel: 'chat', state: 'active' }, { channel: 'email', state: 'active' }], false, 67],
    ['what is set aside weighs nothing', [{ channel: 'email', state: 'parked' }], false, 0], ['a call takes all', [{ channel: 'chat', state: 'active' }], true, 100],
  ] as const)('weighs: %s', (_, items, inCall, want) => expect(capacity([...items] as Work[], inCall)).toBe(want));
});

describe('a timeline', () => {
  it('has calls, messages of all channels, notes and events in one order', () => {
    const entries = timelineOf(
      [{ at: '2026-01-01T00:00:30Z', kind: 'ticket_created', actor: '', detail: {} }, { at: '2026-01-01T00:02:30Z', kind: 'call', actor: '', detail: {} }],
      [message(3, { kind: 'note', interaction_id: '' }), message(1)],
      [touch('c1', 'call'), touch('mail', 'email')],
    );
    expect(entries.map((e) => e.key)).toEqual(['e0', 'mm1', 'cc1', 'mm3']);
    expect(entries.map((e) => (e.kind === 'message' ? e.channel : e.kind))).toEqual(['event', 'email', 'call', 'note']);
  });

  it('is answered in the thread in which the customer wrote last, never in a chat or a call', () => {
    const threads = [touch('mail', 'email'), touch('mail2', 'email'), touch('chat', 'chat'), touch('c', 'call')];
    expect(threadOf([message(1), message(2, { interaction_id: 'chat' })], threads)).toBe('mail');
    expect(threadOf([], threads)).toBe('mail2');
    expect(threadOf([message(1, { interaction_id: 'chat' })], [touch('chat', 'chat')])).toBe('');
  });

  it('knows the last place that was seen, and what takes no more', () => {
    expect(lastPos([message(4), message(9), message(2)])).toBe(9);
    expect(['new', 'solved', 'closed', 'merged'].map(immutable)).toEqual([false, false, true, true]);
  });
});

describe('what is sent', () => {
  it('has one id until it is stored or changes', () => {
    let n = 0;
    const key = new SendKey(() => `id${++n}`);
    expect([key.for({ text: 'a' }), key.for({ text: 'a' }), key.for({ text: 'b' })]).toEqual(['id1', 'id1', 'id2']);
    key.sent();
    expect(key.for({ text: 'b' })).toBe('id3');
    expect(randomId()).toMatch(/^[\w-]{24}$/);
  });
});

describe('a mail', () => {
  const html = '<p>Hi<img data-remote="https://x.example/p.png" alt="p"></p>';
  it('is shown under a policy that runs nothing and loads nothing from elsewhere', () => {
    const doc = mailDocument(html, 'https://desk.example');
    expect(doc).toContain("default-src 'none'; img-src https://desk.example data:");
    expect(doc).not.toMatch(/script-src|\ssrc="https:\/\/x/);
    expect(hasRemote(html)).toBe(true);
    expect(hasRemote('<p>an img with data-remote= in words</p>')).toBe(false);
  });

  it('loads pictures from elsewhere when asked, those of the web only', () => {
    const body = document.createElement('div');
    body.innerHTML = `${html}<img data-remote="javascript:alert(1)"><p>data-remote=</p>`;
    loadRemote(body);
    expect([...body.querySelectorAll('img')].map((i) => [i.getAttribute('src'), i.getAttribute('referrerpolicy')])).toEqual([['https://x.example/p.png', 'no-referrer'], [null, null]]);
    expect(body.querySelector('p:last-child')?.textContent).toBe('data-remote=');
  });
});

const line = (seq: number, text: string, client_id = ''): ChatEvent => ({ type: 'message', seq, at: '2026-01-01T00:00:00Z', by: 'agent', text, client_id });

describe('the lines of a chat', () => {
  it('are each there once and in order; a gap is told', () => {
    const l = new Lines();
    expect(l.take([line(2, 'b'), line(1, 'a'), line(2, 'b')])).toBe(false);
    expect(l.take([line(4, 'd')])).toBe(true);
    expect(l.events.map((e) => e.text)).toEqual(['a', 'b']);
  });

  it('keep what is not sent until the server has it, and send nothing that it refused', () => {
    const l = new Lines();
    l.say({ client_id: 'client-1', text: 'x', files: [] });
    l.say({ client_id: 'client-2', text: 'y', files: [] });
    l.fail('client-1');
    expect(l.next?.client_id).toBe('client-2');
    l.take([line(1, 'y', 'client-2')]);
    expect(l.unsent.map((u) => u.client_id)).toEqual(['client-1']);
    l.retry('client-1');
    expect(l.next?.client_id).toBe('client-1');
  });

  it('are read from what was kept, whatever that is', () => {
    expect(parseUnsent('[{"client_id":"client-1","text":"x","files":[],"failed":false},{"text":"y"},3,null]')).toHaveLength(1);
    for (const text of [null, '', '{', '{}']) expect(parseUnsent(text)).toEqual([]);
    expect([0, 429, 503, 409, 422].map(passing)).toEqual([true, true, true, false, false]);
  });
});

/** A server of one chat, and of one ticket. */
interface Sent { method: string; path: string; body: Record<string, unknown> }
const sent: Sent[] = [];
function serve(answer: (s: Sent) => [number, unknown] | undefined): void {
  vi.stubGlobal('fetch', async (request: Request) => {
    const text = await request.text();
    const s: Sent = { method: request.method, path: new URL(request.url).pathname, body: text.startsWith('{') ? JSON.parse(text) : {} };
    sent.push(s);
    const got = answer(s);
    if (!got) throw new TypeError('no network');
    return new Response(got[0] === 204 ? null : JSON.stringify(got[1]), { status: got[0], headers: { 'Content-Type': 'application/json' } });
  });
}
beforeEach(() => {
  language.set('en');
  sent.length = 0;
  sessionStorage.clear();
  session.me = { id: 'me', login: '1001', name: 'Alice', role: 'agent', language: 'en', demo: false };
  HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
    this.open = true;
  };
  HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
    this.open = false;
  };
});
afterEach(() => {
  vi.unstubAllGlobals();
  session.me = null;
});

describe('a chat through a cut', () => {
  it('sends what was written in order, once each, also after a reload', async () => {
    const lines: ChatEvent[] = [];
    let answers = 0; // the network loses every answer but that of each third request to write
    const server = (s: Sent): [number, unknown] | undefined => {
      if (s.method === 'GET' && s.path.endsWith('/messages')) return [200, { items: lines, next: '' }];
      if (s.method === 'GET') return [200, { id: 'c', state: 'open', last_seq: lines.length, agent_read: 0 }];
      if (!s.path.endsWith('/messages')) return [204, null];
      const known = lines.find((e) => e.client_id === s.body.client_id);
      const stored = known ?? line(lines.length + 1, String(s.body.text), String(s.body.client_id));
      if (!known) lines.push(stored);
      return ++answers % 3 === 0 ? [200, stored] : undefined;
    };
    serve(() => undefined);
    const before = new ChatRoom('c');
    const stop = before.start();
    before.say('one', []);
    before.say('two', []);
    await vi.waitFor(() => expect(before.cut).toBe(true));
    stop(); // the page is gone
    serve(server);
    const room = new ChatRoom('c');
    expect(room.unsent.map((u) => u.text)).toEqual(['one', 'two']);
    const end = room.start();
    room.say('three', []);
    await vi.waitFor(() => expect(room.unsent).toEqual([]), { timeout: 30_000 });
    await vi.waitFor(() => expect(room.events.map((e) => e.text)).toEqual(['one', 'two', 'three']), { timeout: 30_000 });
    expect(sessionStorage.getItem('pickup.chat.c')).toBeNull();
    end();
  }, 60_000);
});

const composer = (extra = {}) => ({ id: 't', queue: 'q', rooms: [], thread: 'mail', bounces: '', seen: 7, numbers: [], customer: 'Léa', sent: () => {}, typing: () => {}, ...extra });

describe('the composer', () => {
  it('shows what came between, and sends anyway under the same id', async () => {
    serve((s) => {
      if (s.path.endsWith('/drafts')) return [200, { items: [{ kind: 'agent', body: 'Dear Léa', updated_at: null }], next: '' }];
      if (s.method === 'PUT') return [204, null];
      if (Number(s.body.expected_last) >= 8) return [201, message(9)];
      return [409, { status: 409, type: 'urn:pickup:problem:unseen-messages', title: 'Conflict', detail: 'x', messages: [message(8, { text: 'All is well now' })] }];
    });
    render(Composer, composer());
    const box = (await screen.findByRole('textbox')) as HTMLTextAreaElement;
    await vi.waitFor(() => expect(box.value).toBe('Dear Léa')); // the draft
    screen.getByRole('button', { name: 'Send' }).click();
    await screen.findByText('All is well now');
    screen.getByText('Send anyway').click();
    await vi.waitFor(() => expect(box.value).toBe(''));
    const posts = sent.filter((s) => s.method === 'POST');
    expect(posts.map((s) => s.body.expected_last)).toEqual([7, 8]); // what comes after these would be shown, too
    expect(posts[0]!.body.client_id).toBe(posts[1]!.body.client_id);
    expect(posts[0]!.body).toMatchObject({ kind: 'agent', interaction_id: 'mail', state: 'pending_customer', text: 'Dear Léa' });
    await vi.waitFor(() => expect(sent.some((s) => s.method === 'PUT' && s.path.endsWith('/drafts/agent') && s.body.body === '')).toBe(true));
  });

  it('sends an answer that was lost again under the same id', async () => {
    let lost = true;
    serve((s) => (s.method === 'GET' ? [200, { items: [], next: '' }] : s.method === 'PUT' ? [204, null] : lost ? undefined : [201, message(9)]));
    render(Composer, composer());
    const box = (await screen.findByRole('textbox')) as HTMLTextAreaElement;
    box.value = 'hello';
    box.dispatchEvent(new Event('input', { bubbles: true }));
    const button = screen.getByRole('button', { name: 'Send' });
    await vi.waitFor(() => expect((button as HTMLButtonElement).disabled).toBe(false));
    button.click();
    await screen.findByRole('alert');
    expect(box.value).toBe('hello');
    lost = false;
    button.click();
    await vi.waitFor(() => expect(box.value).toBe(''));
    const posts = sent.filter((s) => s.method === 'POST');
    expect(new Set(posts.map((s) => s.body.client_id)).size).toBe(1);
  });

  it('says that there is nowhere to answer', async () => {
    serve(() => [200, { items: [], next: '' }]);
    render(Composer, composer({ thread: '' }));
    await screen.findByText(/no mail thread or chat/);
  });

  it('warns of an address that takes no mail, of a reply and not of a note', async () => {
    serve(() => [200, { items: [], next: '' }]);
    const { unmount } = render(Composer, composer({ bounces: '5.1.1 no such user' }));
    await screen.findByText(/Mail to this address comes back/);
    await screen.findByText('5.1.1 no such user');
    screen.getByRole('tab', { name: 'Note' }).click();
    await vi.waitFor(() => expect(screen.queryByText('5.1.1 no such user')).toBeNull());
    unmount();
    render(Composer, composer());
    await screen.findByRole('textbox');
    expect(screen.queryByText(/Mail to this address comes back/)).toBeNull();
  });
});

describe('an edit', () => {
  it('that crosses another shows both and keeps what was not touched', async () => {
    let x = {
      id: 't', number: 1, subject: 'old', state: 'open', priority: 1, category: 'other', assignee_id: 'me', queue: 'q', language: 'en', tags: [], version: 3, channels: ['email'], channel: 'email',
      created_at: null,
    } as unknown as TicketStory;
    const view = render(TicketFacts, { x, categories: [{ name: 'other', min_priority: 1, skill: '' }, { name: 'deposit', min_priority: 2, skill: '' }], saved: async () => {
      x = { ...x, subject: 'theirs', category: 'technical', version: 4 };
      await view.rerender({ x });
    } });
    serve((s) => (s.body.version === 3 ? [409, { status: 409, type: 'urn:pickup:problem:version', title: 'Conflict', detail: 'x' }] : [200, {}]));
    screen.getByRole('button', { name: 'Edit' }).click();
    const category = (await screen.findByLabelText('Category')) as HTMLSelectElement;
    category.value = 'deposit';
    category.dispatchEvent(new Event('change', { bubbles: true }));
    screen.getByRole('button', { name: 'Save' }).click();
    await screen.findByText(/Somebody changed the ticket/);
    expect((screen.getByLabelText('Subject') as HTMLInputElement).value).toBe('theirs');
    expect(screen.getByText('Now: Technical')).toBeTruthy();
    screen.getByRole('button', { name: 'Save over it' }).click();
    await vi.waitFor(() => expect(sent.at(-1)?.body).toEqual({ version: 4, category: 'deposit' }));
  });
});

describe('the badge of an address', () => {
  it.each([
    ['player', true, 'verified'], ['email', true, 'verified'], ['email', false, 'unverified'], ['player', false, 'unverified'],
    ['sip', true, ''], ['phone', true, ''], ['phone', false, 'unverified'], ['visitor', true, ''], ['visitor', false, ''],
  ] as const)('%s, proved %s: %s', (kind, verified, want) => expect(proof(kind, verified)).toBe(want));
});
