// What the widget decides without a browser or a server: kept apart to be tested.

/** One line of a conversation as the server tells it. */
export interface ChatEvent {
  type: string;
  seq: number;
  at?: string;
  by?: string;
  id?: string;
  text?: string;
  client_id?: string;
  files?: ChatFile[];
  agent?: string;
  state?: string;
  reason?: string;
  up_to?: number;
}

export interface ChatFile {
  id: string;
  name: string;
  mime: string;
  size: number;
}

/** A message on the page. seq 0: the server has not said that it has it. */
export interface Line {
  key: string;
  seq: number;
  by: string;
  agent: string;
  text: string;
  files: ChatFile[];
  at: number;
  failed: boolean;
}

/** A message on its way, kept over a reload. */
export interface Pending {
  client_id: string;
  text: string;
  files: ChatFile[];
  at: number;
}

/** What a page keeps of its conversation. */
export interface KeptChat {
  id: string;
  token: string;
  queue: string;
  number: number; // of the ticket
}

/** Most messages that wait for the network. */
export const MAX_PENDING = 50;

/**
 * The conversation as a page shows it: events in the order of the server, then
 * what waits. Events come once and in order whatever the network repeats.
 */
export class Conversation {
  lastSeq = 0;
  lines: Line[] = [];
  pending: Pending[] = [];
  state = 'waiting';
  reason = '';
  agent = '';
  readUpTo = 0; // of ours, by the agent
  callOffered = false;

  /** Takes one event. False: events are missing before it, ask for them. */
  apply(e: ChatEvent): boolean {
    if (e.seq <= this.lastSeq) return true;
    if (e.seq !== this.lastSeq + 1) return false;
    this.lastSeq = e.seq;
    switch (e.type) {
      case 'message':
        this.lines.push({
          key: e.client_id || e.id || String(e.seq), seq: e.seq, by: e.by ?? 'system', agent: e.agent ?? '', text: e.text ?? '',
          files: e.files ?? [], at: Date.parse(e.at ?? '') || 0, failed: false,
        });
        if (e.client_id) this.settle(e.client_id);
        break;
      case 'state':
        this.state = e.state ?? this.state;
        this.reason = e.reason ?? '';
        break;
      case 'assignment':
        this.agent = e.agent ?? '';
        break;
      case 'read':
        if (e.by === 'agent') this.readUpTo = Math.max(this.readUpTo, e.up_to ?? 0);
        break;
      case 'call':
        this.callOffered = e.by === 'agent';
        break;
    }
    return true;
  }

  /** Queues a message; false when too many wait. */
  say(message: Pending): boolean {
    if (this.pending.length >= MAX_PENDING) return false;
    this.pending.push(message);
    return true;
  }

  /** The server has a message. */
  settle(clientID: string): void {
    this.pending = this.pending.filter((p) => p.client_id !== clientID);
  }

  /** Everything in the order of the page. */
  all(): Line[] {
    const waiting = this.pending.map((p) => ({
      key: p.client_id, seq: 0, by: 'visitor', agent: '', text: p.text, files: p.files, at: p.at, failed: false,
    }));
    return [...this.lines, ...waiting];
  }
}

/** Reads what was kept, or null when it is not ours. */
export function parseKeptChat(text: string | null): KeptChat | null {
  try {
    const k = JSON.parse(text ?? '') as Partial<KeptChat>;
    return typeof k.id === 'string' && typeof k.token === 'string' ? { id: k.id, token: k.token, queue: String(k.queue ?? ''), number: Number(k.number) || 0 } : null;
  } catch {
    return null;
  }
}

/** Reads messages that waited when the page went. */
export function parsePending(text: string | null): Pending[] {
  try {
    const all = JSON.parse(text ?? '[]') as Pending[];
    if (!Array.isArray(all)) return [];
    return all
      .filter((p) => typeof p?.client_id === 'string' && typeof p.text === 'string')
      .map((p) => ({ client_id: p.client_id, text: p.text, files: Array.isArray(p.files) ? p.files : [], at: Number(p.at) || 0 }))
      .slice(0, MAX_PENDING);
  } catch {
    return [];
  }
}

/** Minutes of an estimate, as "1-3"; "" when nothing can be said. */
export function minutes(lowMs: number, highMs: number): string {
  if (!highMs) return '';
  const low = Math.max(1, Math.floor(lowMs / 60_000));
  const high = Math.max(low, Math.ceil(highMs / 60_000));
  return low === high ? String(low) : `${low}-${high}`;
}

/** What a close code of the socket asks for (RFC 6455 7.4.2, ours). */
export function afterClose(code: number): 'token' | 'slow' | 'again' | 'over' {
  if (code === 4401) return 'token';
  if (code === 4429) return 'slow';
  return code === 1000 ? 'over' : 'again';
}
