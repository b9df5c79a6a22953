// One chat as its agent has it open: read from the server whenever the live
// stream says so, and every few seconds where that is silent; what he writes is
// sent in order and again after a cut, under one id, so that it is stored once.
import { api, ApiError } from './api';
import { Backoff } from './backoff';
import { Lines, parseUnsent, passing } from './conversation';
import { randomId } from './random';
import { live } from './live.svelte';
import type { Chat, ChatEvent, FileInfo } from './model';
import type { Unsent } from './conversation';

const POLL_MS = 5000;
const TYPING_MS = 6000; // longer than twice what the server tells it again
const SAY_TYPING_MS = 3000;

/** Whether a chat is an agent's: he answers, or did until his line was lost and nobody has taken it. */
export const answers = (chat: Chat, agent: string | undefined): boolean => (chat.agent_id || chat.lost_by) === agent;

export class ChatRoom {
  view = $state.raw<Chat | null>(null);
  events = $state.raw<ChatEvent[]>([]);
  unsent = $state.raw<Unsent[]>([]);
  /** The visitor types. */
  typing = $state(false);
  /** The server does not answer: what is written waits here. */
  cut = $state(false);
  error = $state.raw<ApiError | null>(null);

  #lines = new Lines();
  #stopped = true;
  #sending = false;
  #reading = false;
  #again = false;
  #read = 0;
  #typed = 0;
  #backoff = new Backoff(500, 5000);
  #quiet: ReturnType<typeof setTimeout> | undefined;
  #resend: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly id: string) {
    this.#lines.unsent = parseUnsent(kept(this.#key));
    this.unsent = this.#lines.unsent;
  }

  get #key(): string {
    return `pickup.chat.${this.id}`;
  }

  /** Follows the chat; returns the stop. */
  start(): () => void {
    this.#stopped = false;
    void this.refresh();
    void this.#send();
    const off = live.on((topic, e) => {
      if (topic === 'reset') return void this.refresh();
      if (topic !== 'chat' || e?.object_id !== this.id) return;
      if (e.kind === 'typing') this.#types();
      else void this.refresh();
    });
    const poll = setInterval(() => void this.refresh(), POLL_MS);
    return () => {
      this.#stopped = true;
      off();
      clearInterval(poll);
      clearTimeout(this.#quiet);
      clearTimeout(this.#resend);
    };
  }

  /** Reads what is new; asked while it reads, it reads once more. */
  async refresh(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    try {
      do {
        this.#again = false;
        this.view = await api.chat(this.id);
        while (this.#lines.seq < this.view.last_seq) {
          const before = this.#lines.seq;
          this.#lines.take((await api.chatEvents(this.id, before)).items);
          if (this.#lines.seq === before) break;
        }
        this.#show();
      } while (this.#again);
      this.error = null;
      this.cut = false;
    } catch (err) {
      this.#fault(err);
    } finally {
      this.#reading = false;
    }
  }

  /** Writes a message; it is shown at once. */
  say(text: string, files: FileInfo[]): void {
    this.#lines.say({ client_id: randomId(), text, files });
    this.#show();
    void this.#send();
  }

  retry(clientId: string): void {
    this.#lines.retry(clientId);
    this.#show();
    void this.#send();
  }

  drop(clientId: string): void {
    this.#lines.drop(clientId);
    this.#show();
  }

  /** Tells the visitor that somebody types, at most each three seconds. */
  types(): void {
    if (Date.now() - this.#typed < SAY_TYPING_MS) return;
    this.#typed = Date.now();
    void api.typeInChat(this.id).catch(() => {});
  }

  /** Marks all that is shown as read. */
  seen(): void {
    const said = this.events.filter((e) => e.type === 'message' && e.by === 'visitor').at(-1)?.seq ?? 0;
    if (said <= Math.max(this.#read, this.view?.agent_read ?? 0)) return;
    this.#read = said;
    void api.readChat(this.id, said).catch(() => (this.#read = 0));
  }

  #show(): void {
    this.events = this.#lines.events;
    this.unsent = this.#lines.unsent;
    if (this.events.at(-1)?.by === 'visitor') this.typing = false;
    keep(this.#key, this.unsent);
  }

  #types(): void {
    this.typing = true;
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => (this.typing = false), TYPING_MS);
  }

  #fault(err: unknown): void {
    const e = err instanceof ApiError ? err : new ApiError(0, String(err));
    if (passing(e.status)) this.cut = true;
    else this.error = e;
  }

  // One after the other: the order in which they were written is the order for all.
  async #send(): Promise<void> {
    if (this.#sending || this.#stopped) return;
    this.#sending = true;
    for (let u = this.#lines.next; u; u = this.#lines.next) {
      try {
        await api.say(this.id, u.client_id, u.text, u.files.map((f) => f.id));
        this.#backoff.reset();
        this.cut = false;
        await this.refresh();
        this.#lines.drop(u.client_id); // its event may still be on its way
      } catch (err) {
        this.#fault(err);
        if (err instanceof ApiError && passing(err.status)) {
          this.#resend = setTimeout(() => void this.#send(), this.#backoff.next());
          break;
        }
        this.#lines.fail(u.client_id);
      }
      this.#show();
    }
    this.#sending = false;
  }
}

function kept(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

function keep(key: string, unsent: Unsent[]): void {
  try {
    if (unsent.length) sessionStorage.setItem(key, JSON.stringify(unsent));
    else sessionStorage.removeItem(key);
  } catch {
    // no storage: they last as long as this page
  }
}
