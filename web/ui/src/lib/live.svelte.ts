// The live stream: server-sent events with resume, and how old the screen is.
import { Backoff } from './backoff';
import { clock } from './clock.svelte';

export type Topic =
  | 'queue' | 'agent' | 'call' | 'ticket' | 'recording' | 'callback' | 'work' | 'chat' | 'watchers' | 'message' | 'interaction' | 'contact' | 'mailbox';

/** A change: which object, and what its topic says more. */
export interface LiveEvent { seq: number; at?: string; topic: Topic | 'reset' | 'tick'; object_id?: string; kind?: string; ticket_id?: string; agent_id?: string }

const STALE_MS = 5000;

class Live {
  /** When the server was last heard, in its time. */
  heardAt = $state(0);
  /** Nothing was heard for five seconds: what is shown is old. */
  stale = $state(false);

  #source: EventSource | undefined;
  #seq = 0;
  #backoff = new Backoff();
  #again: ReturnType<typeof setTimeout> | undefined;
  #watch: ReturnType<typeof setInterval> | undefined;
  #asked = 0;
  #listeners = new Set<(topic: Topic | 'reset', e?: LiveEvent) => void>();
  #wake = () => {
    if (!document.hidden && this.#source?.readyState === EventSource.CLOSED) this.#open();
  };

  /** Listens until stop. */
  start(): void {
    this.stop();
    this.#heard();
    this.#open();
    this.#watch = setInterval(() => this.#look(), 1000);
    addEventListener('online', this.#wake);
    document.addEventListener('visibilitychange', this.#wake);
  }

  stop(): void {
    this.#source?.close();
    this.#source = undefined;
    clearTimeout(this.#again);
    clearInterval(this.#watch);
    removeEventListener('online', this.#wake);
    document.removeEventListener('visibilitychange', this.#wake);
    this.stale = false;
  }

  /** Tells f of each change; the function returned ends that. */
  on(f: (topic: Topic | 'reset', e?: LiveEvent) => void): () => void {
    this.#listeners.add(f);
    return () => this.#listeners.delete(f);
  }

  #open(): void {
    clearTimeout(this.#again);
    this.#source?.close();
    const source = new EventSource(`/api/v1/events${this.#seq ? `?after=${this.#seq}` : ''}`);
    this.#source = source;
    source.onopen = () => {
      this.#backoff.reset();
      this.#heard();
      if (!this.#seq) this.#tell('reset'); // what changed before the stream stood is not in it
    };
    source.onmessage = (e) => this.#event(e.data as string);
    for (const name of ['reset', 'tick']) {
      source.addEventListener(name, (e) => this.#event((e as MessageEvent<string>).data));
    }
    source.onerror = () => {
      if (source !== this.#source || source.readyState !== EventSource.CLOSED) return;
      this.#again = setTimeout(() => this.#open(), this.#backoff.next());
    };
  }

  #event(data: string): void {
    let e: LiveEvent;
    try {
      e = JSON.parse(data) as LiveEvent;
    } catch {
      return;
    }
    this.#heard();
    if (e.topic === 'tick') return;
    if (e.topic === 'reset') this.#seq = e.seq || 0;
    else if (e.seq > this.#seq) this.#seq = e.seq;
    this.#tell(e.topic, e);
  }

  #tell(topic: Topic | 'reset', e?: LiveEvent): void {
    for (const f of this.#listeners) f(topic, e);
  }

  #heard(): void {
    const was = this.stale;
    this.heardAt = clock.server();
    this.stale = false;
    if (was) this.#tell('reset');
  }

  // A quiet stream and a dead server look alike: ask, at most each two seconds.
  #look(): void {
    const silent = clock.server() - this.heardAt;
    if (silent >= STALE_MS) this.stale = true;
    if (silent < 2000 || Date.now() - this.#asked < 2000) return;
    this.#asked = Date.now();
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), 2500);
    fetch('/healthz', { signal: stop.signal, cache: 'no-store' })
      .then((answer) => answer.ok && this.#source?.readyState === EventSource.OPEN && this.#heard())
      .catch(() => {})
      .finally(() => clearTimeout(timer));
  }
}

export const live = new Live();
