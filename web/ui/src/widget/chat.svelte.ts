// The visitor's side of a chat: a WebSocket, long polling where none gets
// through, and messages that outlive cuts and reloads under their client ids.

import { Backoff } from '../lib/backoff';
import { randomId } from '../lib/random';
import { afterClose, Conversation, parseKeptChat, parsePending } from './rules';
import type { ChatEvent, ChatFile, KeptChat, Line } from './rules';

const STORE = 'pickup.chat';
const PENDING = 'pickup.chat.pending';
const OPENING = 'pickup.chat.opening'; // an opening that was not answered yet

export type ChatPhase = 'none' | 'opening' | 'on' | 'ended' | 'failed';

/** What opens a conversation. */
export interface Opening {
  key: string;
  queue: string;
  language: string;
  text: string;
  name?: string;
  email?: string;
  identity?: string;
  call?: string;
  page?: string;
}

interface Frame extends ChatEvent {
  token?: string;
  code?: string;
  position?: number;
  eta_low_ms?: number;
  eta_high_ms?: number;
  agents_on_duty?: number;
}

const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

export class Chat {
  phase = $state.raw<ChatPhase>('none');
  lines = $state.raw<Line[]>([]);
  agent = $state.raw('');
  state = $state.raw('');
  typing = $state.raw(false);
  position = $state.raw(0);
  etaLow = $state.raw(0);
  etaHigh = $state.raw(0);
  agentsOnDuty = $state.raw(1);
  reconnecting = $state.raw(false);
  readUpTo = $state.raw(0);
  ticketNumber = $state.raw(0);
  callOffered = $state.raw(false);
  fault = $state.raw('');
  unread = $state.raw(0);

  #c = new Conversation();
  #kept: KeptChat | null = null;
  #identity = '';
  #socket: WebSocket | undefined;
  #backoff = new Backoff(500, 10_000);
  #bannerTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #typingTimer: ReturnType<typeof setTimeout> | undefined;
  #pingTimer: ReturnType<typeof setInterval> | undefined;
  #typedAt = 0;
  #socketFailures = 0; // in a row, without having been open
  #polling = false;
  #alive = true;

  constructor(private readonly base: string) {
    addEventListener('online', this.#now);
    addEventListener('pageshow', this.#now);
    document.addEventListener('visibilitychange', this.#now);
  }

  /** The conversation's token, for a call that goes on with it. */
  get token(): string {
    return this.#kept?.token ?? '';
  }

  /** Goes back to the conversation of an earlier life of the page, if there is one: as who is signed in now, if somebody is. */
  resume(identity: string): boolean {
    this.#identity = identity;
    this.#kept = parseKeptChat(read(STORE));
    if (this.#kept) {
      this.ticketNumber = this.#kept.number;
      this.#c.pending = parsePending(read(PENDING));
      this.phase = 'on';
      this.#show();
      if (identity) void this.#renew();
      else this.#connect();
      return true;
    }
    const opening = read(OPENING);
    if (opening) {
      try {
        void this.open(JSON.parse(opening) as Opening);
        return true;
      } catch {
        drop(OPENING);
      }
    }
    return false;
  }

  /** Somebody signed in on the page: the conversation is his from now on. */
  signIn(identity: string): void {
    if (identity === this.#identity) return;
    this.#identity = identity;
    if (identity && this.#kept && this.phase === 'on') void this.#renew();
  }

  /** Opens a conversation. It is tried until the server says yes or no. */
  async open(o: Opening): Promise<void> {
    this.#c = new Conversation();
    this.phase = 'opening';
    this.fault = '';
    write(OPENING, JSON.stringify(o));
    this.lines = o.text ? [{ key: o.key, seq: 0, by: 'visitor', agent: '', text: o.text, files: [], at: Date.now(), failed: false }] : [];
    const backoff = new Backoff(500, 10_000);
    while (this.#alive) {
      const answer = await this.#ask('POST', '/w/v1/chats', o).catch(() => null);
      if (answer?.ok) {
        const opened = (await answer.json()) as { id: string; token: string; state: string; ticket_number: number; queue: string };
        this.#kept = { id: opened.id, token: opened.token, queue: opened.queue, number: opened.ticket_number };
        this.ticketNumber = opened.ticket_number;
        write(STORE, JSON.stringify(this.#kept));
        drop(OPENING);
        this.phase = 'on';
        this.reconnecting = false;
        this.#connect();
        return;
      }
      if (answer && answer.status < 500 && answer.status !== 429) {
        drop(OPENING);
        this.phase = 'failed';
        this.fault = answer.status === 401 ? 'identity' : answer.status === 422 ? 'text' : 'refused';
        return;
      }
      this.reconnecting = true;
      await wait(answer?.status === 429 ? 3000 : backoff.next());
    }
  }

  /** Says something. False: too much waits for the network. */
  say(text: string, files: ChatFile[] = []): boolean {
    const message = { client_id: randomId(), text, files, at: Date.now() };
    if (!this.#c.say(message)) return false;
    this.#keepPending();
    this.#show();
    this.#send(message.client_id, text, files);
    return true;
  }

  /** Uploads a file. Throws the reason: "size", "type" or "network". */
  async upload(file: File): Promise<ChatFile> {
    if (file.size > 10 << 20) throw new Error('size');
    const form = new FormData();
    form.set('file', file, file.name);
    const answer = await fetch(`${this.base}/w/v1/chats/${this.#kept?.id}/files`, {
      method: 'POST', body: form, headers: { Authorization: `Bearer ${this.token}` },
    }).catch(() => null);
    if (!answer) throw new Error('network');
    if (!answer.ok) throw new Error(answer.status === 413 ? 'size' : answer.status === 422 || answer.status === 415 ? 'type' : 'network');
    return (await answer.json()) as ChatFile;
  }

  /** Fetches a file of the conversation and gives it to the browser to save. */
  async download(file: ChatFile): Promise<void> {
    const answer = await fetch(`${this.base}/w/v1/chats/${this.#kept?.id}/files/${file.id}`, { headers: { Authorization: `Bearer ${this.token}` } });
    if (!answer.ok) return;
    const url = URL.createObjectURL(await answer.blob());
    const a = document.createElement('a');
    a.href = url;
    a.download = file.name;
    a.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }

  /** The visitor types: told once in three seconds. */
  types(): void {
    if (Date.now() - this.#typedAt < 3000) return;
    this.#typedAt = Date.now();
    if (!this.#frame({ type: 'typing' }) && this.#polling) void this.#post('typing').catch(() => {});
  }

  /** Everything that is on the page was seen. */
  saw(): void {
    this.unread = 0;
    const last = this.#c.lines.findLast((l) => l.by !== 'visitor');
    if (!last || this.state === 'ended') return;
    if (!this.#frame({ type: 'read', seq: last.seq }) && this.#polling) void this.#post('read', { seq: last.seq }).catch(() => {});
  }

  /** Has the conversation mailed; returns what went wrong, or "". */
  async transcript(email: string): Promise<string> {
    const answer = await this.#post('transcript', { email }).catch(() => null);
    if (!answer) return 'network';
    return answer.ok ? '' : answer.status === 422 ? 'email' : 'mail';
  }

  /** Ends the conversation. */
  async end(): Promise<void> {
    if (!this.#frame({ type: 'end' })) await this.#post('end').catch(() => null);
  }

  /** Forgets an ended conversation: the next is a new one. */
  forget(): void {
    this.#cut();
    this.#kept = null;
    this.#c = new Conversation();
    drop(STORE);
    drop(PENDING);
    this.phase = 'none';
    this.state = '';
    this.#show();
  }

  /** Goes on after an end, as the same visitor on the same ticket; returns what was not sent. */
  again(): string {
    const kept = this.#kept;
    const unsent = this.lines.filter((l) => !l.seq).map((l) => l.text);
    this.forget();
    this.#kept = kept;
    return unsent.join('\n');
  }

  /** The element was removed from the page. */
  close(): void {
    this.#alive = false;
    removeEventListener('online', this.#now);
    removeEventListener('pageshow', this.#now);
    document.removeEventListener('visibilitychange', this.#now);
    this.#cut();
  }

  // ---- the line ----

  /** The network or the tab is back: no reason to wait any longer. */
  #now = (): void => {
    if (!this.#kept || document.visibilityState === 'hidden' || this.phase !== 'on') return;
    if (this.#socket?.readyState === WebSocket.OPEN || this.#socket?.readyState === WebSocket.CONNECTING) {
      this.#frame({ type: 'ping' });
      return;
    }
    clearTimeout(this.#retryTimer);
    this.#connect();
  };

  #cut(): void {
    clearTimeout(this.#retryTimer);
    clearTimeout(this.#bannerTimer);
    clearInterval(this.#pingTimer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  #connect(): void {
    if (!this.#alive || !this.#kept || this.#polling) return;
    this.#cut();
    const kept = this.#kept;
    const socket = new WebSocket(`${this.base.replace(/^http/, 'ws')}/w/v1/chats/${kept.id}/ws`);
    this.#socket = socket;
    let opened = false;
    socket.onopen = () => {
      opened = true;
      this.#socketFailures = 0;
      socket.send(JSON.stringify({ type: 'hello', token: kept.token, last_seq: this.#c.lastSeq }));
      this.#pingTimer = setInterval(() => this.#frame({ type: 'ping' }), 20_000);
    };
    socket.onmessage = (e) => this.#heard(JSON.parse(String(e.data)) as Frame);
    socket.onclose = (e) => {
      if (socket !== this.#socket) return;
      clearInterval(this.#pingTimer);
      if (!opened) this.#socketFailures++;
      this.#lost(e.code);
    };
  }

  #lost(code: number): void {
    if (this.state === 'ended') return;
    this.#bannerTimer ??= setTimeout(() => (this.reconnecting = true), 3000);
    const after = afterClose(code);
    if (after === 'token') return void this.#renew();
    // A socket that never opens while plain requests work: a proxy is in the way.
    if (this.#socketFailures >= 3) return void this.#poll();
    this.#retryTimer = setTimeout(() => this.#connect(), after === 'slow' ? 5000 : this.#backoff.next());
  }

  /** Asks for a new token with the old one, and says who is signed in. */
  async #renew(): Promise<void> {
    const kept = this.#kept;
    if (!kept) return;
    const body = { key: randomId(), queue: kept.queue, text: '', ...(this.#identity ? { identity: this.#identity } : {}) };
    const answer = await this.#ask('POST', '/w/v1/chats', body).catch(() => null);
    if (answer?.ok) {
      const opened = (await answer.json()) as { id: string; token: string };
      if (opened.id === kept.id) {
        this.#keep(opened.token);
        return this.#connect();
      }
    }
    if (answer?.status === 401) {
      this.#identity = ''; // it has expired
      return this.#connect();
    }
    if (answer && answer.status < 500 && answer.status !== 429) {
      this.forget(); // the conversation is over, or it is another's browser now
      return;
    }
    this.#bannerTimer ??= setTimeout(() => (this.reconnecting = true), 3000);
    this.#retryTimer = setTimeout(() => void this.#renew(), this.#backoff.next());
  }

  /** Long polling, with a socket tried again after a minute. */
  async #poll(): Promise<void> {
    this.#polling = true;
    const until = Date.now() + 60_000;
    while (this.#alive && this.#kept && Date.now() < until && this.state !== 'ended') {
      for (const p of [...this.#c.pending]) {
        const answer = await this.#post('messages', { client_id: p.client_id, text: p.text, files: p.files.map((f) => f.id) }).catch(() => null);
        if (!answer || answer.status >= 500 || answer.status === 429) break;
        if (answer.ok) this.#settled(p.client_id);
        else this.#refused(p.client_id);
      }
      const answer = await this.#ask('GET', `/w/v1/chats/${this.#kept.id}/events?after=${this.#c.lastSeq}&wait_ms=${this.#c.pending.length ? 1000 : 20000}`).catch(() => null);
      if (!answer || !answer.ok) {
        if (answer?.status === 401) {
          this.#polling = false;
          return void this.#renew();
        }
        this.#bannerTimer ??= setTimeout(() => (this.reconnecting = true), 3000);
        await wait(this.#backoff.next());
        continue;
      }
      const got = (await answer.json()) as { events: ChatEvent[]; typing: boolean; token?: string; queue?: Frame };
      for (const e of got.events) this.#c.apply(e);
      if (got.token) this.#keep(got.token);
      if (got.queue) this.#placed(got.queue);
      this.typing = got.typing;
      this.#well();
      this.#show(got.events);
    }
    this.#polling = false;
    this.#socketFailures = 0;
    if (this.state !== 'ended') this.#connect();
  }

  #heard(f: Frame): void {
    switch (f.type) {
      case 'synced':
        this.#well();
        if (f.token) this.#keep(f.token);
        if (f.state) this.#c.state = f.state;
        this.#show();
        for (const p of this.#c.pending) this.#send(p.client_id, p.text, p.files);
        return;
      case 'accepted':
        return; // the event itself follows, with its place
      case 'refused':
        if (f.code === 'try_again' || f.code === 'rate') {
          setTimeout(() => this.#again(f.client_id ?? ''), f.code === 'rate' ? 3000 : 1000);
        } else this.#refused(f.client_id ?? '');
        return;
      case 'typing':
        this.typing = true;
        clearTimeout(this.#typingTimer);
        this.#typingTimer = setTimeout(() => (this.typing = false), 5000);
        return;
      case 'queue':
        return this.#placed(f);
      case 'pong':
        return;
    }
    if (!this.#c.apply(f)) return this.#connect(); // something is missing: have it told again
    this.#keepPending();
    this.#show([f]);
  }

  #placed(f: Frame): void {
    this.position = f.position ?? 0;
    this.etaLow = f.eta_low_ms ?? 0;
    this.etaHigh = f.eta_high_ms ?? 0;
    this.agentsOnDuty = f.agents_on_duty ?? 1;
  }

  #well(): void {
    clearTimeout(this.#bannerTimer);
    this.#bannerTimer = undefined;
    this.#backoff.reset();
    this.reconnecting = false;
  }

  #show(fresh: ChatEvent[] = []): void {
    this.lines = this.#c.all();
    this.agent = this.#c.agent;
    this.state = this.#c.state;
    this.readUpTo = this.#c.readUpTo;
    this.callOffered = this.#c.callOffered;
    if (this.#c.state === 'ended' && this.phase === 'on') this.phase = 'ended';
    if (this.#c.agent) this.position = 0;
    const said = fresh.filter((e) => e.type === 'message' && e.by !== 'visitor').length;
    if (said) {
      this.typing = false;
      this.unread += said;
    }
  }

  #again(clientID: string): void {
    const p = this.#c.pending.find((m) => m.client_id === clientID);
    if (p) this.#send(p.client_id, p.text, p.files);
  }

  #settled(clientID: string): void {
    this.#c.settle(clientID);
    this.#keepPending();
  }

  #refused(clientID: string): void {
    const p = this.#c.pending.find((m) => m.client_id === clientID);
    this.#settled(clientID);
    if (p) {
      this.#c.lines.push({ key: clientID, seq: 0, by: 'visitor', agent: '', text: p.text, files: p.files, at: p.at, failed: true });
    }
    this.#show();
  }

  #send(clientID: string, text: string, files: ChatFile[]): void {
    this.#frame({ type: 'send', client_id: clientID, text, files: files.map((f) => f.id) });
  }

  #frame(frame: Record<string, unknown>): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  #post(what: string, body?: unknown): Promise<Response> {
    return this.#ask('POST', `/w/v1/chats/${this.#kept?.id}/${what}`, body);
  }

  #ask(method: string, path: string, body?: unknown): Promise<Response> {
    const headers: Record<string, string> = {};
    if (this.#kept) headers.Authorization = `Bearer ${this.#kept.token}`;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    return fetch(this.base + path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  }

  #keep(token: string): void {
    if (!this.#kept) return;
    this.#kept = { ...this.#kept, token };
    write(STORE, JSON.stringify(this.#kept));
  }

  #keepPending(): void {
    if (this.#c.pending.length) write(PENDING, JSON.stringify(this.#c.pending));
    else drop(PENDING);
  }
}

// Storage may be denied: then a reload begins anew.
function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function write(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // full or denied
  }
}

function drop(key: string): void {
  try {
    localStorage.removeItem(key);
  } catch {
    // denied
  }
}
