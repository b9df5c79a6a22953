// Rules of the ticket page, without a screen.
import type { Message, TimelineEvent, Touch } from './model';
import { randomId } from './random';

/** One line of a ticket's timeline: something that happened, was written, or a call. */
export type Entry =
  | { kind: 'event'; at: string; key: string; event: TimelineEvent }
  | { kind: 'message'; at: string; key: string; message: Message; channel: string }
  | { kind: 'call'; at: string; key: string; touch: Touch };

const spoken = new Set(['call', 'callback']);
// What the messages and calls themselves show.
const shownOtherwise = new Set(['call', 'message', 'interaction']);

/** All channels in one order, oldest first; equal times keep calls before messages before events, and each kind its own order. */
export function timelineOf(events: TimelineEvent[], messages: Message[], touches: Touch[]): Entry[] {
  const channels = new Map(touches.map((x) => [x.id, x.channel]));
  const entries: Entry[] = [
    ...touches.filter((x) => spoken.has(x.channel)).map((touch): Entry => ({ kind: 'call', at: touch.started_at ?? '', key: `c${touch.id}`, touch })),
    ...messages.map((message): Entry => ({
      kind: 'message', at: message.created_at ?? '', key: `m${message.id}`, message,
      channel: message.kind === 'note' ? 'note' : (channels.get(message.interaction_id) ?? 'email'),
    })),
    ...events.filter((e) => !shownOtherwise.has(e.kind)).map((event, n): Entry => ({ kind: 'event', at: event.at, key: `e${n}`, event })),
  ];
  return entries
    .map((entry, n) => ({ entry, n, at: Date.parse(entry.at) || 0 }))
    .sort((a, b) => a.at - b.at || a.n - b.n)
    .map((x) => x.entry);
}

/** The thread a reply goes to: the newest that is written and no chat; '' when there is none. */
export function threadOf(messages: Message[], touches: Touch[]): string {
  const written = touches.filter((x) => !spoken.has(x.channel) && x.channel !== 'chat').map((x) => x.id);
  for (const m of [...messages].reverse()) if (m.kind === 'customer' && written.includes(m.interaction_id)) return m.interaction_id;
  return written.at(-1) ?? '';
}

/** The last place that was seen: what a reply is compared with. */
export const lastPos = (messages: Message[]): number => messages.reduce((n, m) => Math.max(n, m.pos), 0);

/** A ticket that takes no more. */
export const immutable = (state: string): boolean => state === 'closed' || state === 'merged';

/** The id of what is sent: the same while nothing of it changed, so that a repeated send is stored once. */
export class SendKey {
  #of = '';
  #id = '';

  constructor(private readonly make: () => string = randomId) {}

  for(content: unknown): string {
    const of = JSON.stringify(content);
    if (of !== this.#of || !this.#id) {
      this.#of = of;
      this.#id = this.make();
    }
    return this.#id;
  }

  /** It was stored: what comes next is another message, be it the same words. */
  sent(): void {
    this.#id = '';
  }
}

/**
 * What a badge says of an address of a contact, "" for none. Verified is what the operator's site signed (a player's id,
 * his e-mail) and a mail address that passed DMARC, and nothing else: a page's token and the password of a phone do not
 * prove who somebody is.
 */
export function proof(kind: string, verified: boolean): 'verified' | 'unverified' | '' {
  if (kind === 'visitor') return '';
  if (!verified) return 'unverified';
  return kind === 'player' || kind === 'email' ? 'verified' : '';
}

/** Whether a mail has pictures that stand elsewhere. */
export const hasRemote = (html: string): boolean => /<img\b[^>]*\sdata-remote=/i.test(html);

/** Loads the pictures that stand elsewhere, in the frame of a document whose policy allows them (mail.html). */
export function loadRemote(doc: ParentNode): void {
  for (const picture of doc.querySelectorAll<HTMLImageElement>('img[data-remote]')) {
    const address = picture.dataset.remote ?? '';
    if (!/^https?:\/\//i.test(address)) continue;
    picture.setAttribute('referrerpolicy', 'no-referrer');
    picture.src = address;
  }
}

/**
 * The document of a mail for a frame without scripts. The server has sanitised
 * the HTML already; the policy here forbids again all but its own pictures.
 */
export function mailDocument(html: string, origin: string): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Mail</title><meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src ${origin} data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"><meta name="referrer" content="same-origin"><base target="_blank"><style>html{color-scheme:light;background:#fff;color:#16212c}body{margin:0;padding:12px;font:15px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}img{max-width:100%;height:auto}img[data-remote]{display:none}table{max-width:100%}blockquote{margin:0 0 0 4px;padding-left:10px;border-left:3px solid #dce2e8;color:#54616e}pre{white-space:pre-wrap}a{color:#0f6b8a}</style></head><body>${html}</body></html>`;
}

/** Bytes in words of the page: 1.2 MB. */
export function bytes(n: number, locale: string): string {
  const units = ['byte', 'kilobyte', 'megabyte'] as const;
  let i = 0;
  while (n >= 1000 && i < 2) {
    n /= 1000;
    i++;
  }
  return new Intl.NumberFormat(locale, { style: 'unit', unit: units[i]!, unitDisplay: 'short', maximumFractionDigits: i ? 1 : 0 }).format(n);
}
