// The lines of a chat as an agent sees them: what the server has, by number, and
// after it what he wrote and the server does not have yet.
import type { ChatEvent, FileInfo } from './model';

export interface Unsent { client_id: string; text: string; files: FileInfo[]; failed: boolean }

export class Lines {
  events: ChatEvent[] = [];
  unsent: Unsent[] = [];

  /** Greatest number with none missing below: reading goes on after it. */
  get seq(): number {
    return this.events.at(-1)?.seq ?? 0;
  }

  /** Takes events in order; one that is there already, or leaves a gap, is not taken. Returns whether a gap was seen. */
  take(events: ChatEvent[]): boolean {
    for (const e of [...events].sort((a, b) => a.seq - b.seq)) {
      if (e.seq <= this.seq) continue;
      if (e.seq !== this.seq + 1) return true;
      this.events = [...this.events, e];
      if (e.client_id) this.unsent = this.unsent.filter((u) => u.client_id !== e.client_id);
    }
    return false;
  }

  say(u: Omit<Unsent, 'failed'>): void {
    this.unsent = [...this.unsent, { ...u, failed: false }];
  }

  /** The next to send: strictly in order, so nothing after one that the server refused. */
  get next(): Unsent | undefined {
    return this.unsent.find((u) => !u.failed);
  }

  fail(clientId: string): void {
    this.unsent = this.unsent.map((u) => (u.client_id === clientId ? { ...u, failed: true } : u));
  }

  retry(clientId: string): void {
    this.unsent = this.unsent.map((u) => (u.client_id === clientId ? { ...u, failed: false } : u));
  }

  drop(clientId: string): void {
    this.unsent = this.unsent.filter((u) => u.client_id !== clientId);
  }
}

/** Whether the server may take the same message later: it did not answer, is busy, or stops. */
export const passing = (status: number): boolean => status === 0 || status === 429 || status >= 500;

/** Reads what was kept of unsent messages; anything else is none. */
export function parseUnsent(text: string | null): Unsent[] {
  try {
    const all: unknown = JSON.parse(text ?? '[]');
    if (!Array.isArray(all)) return [];
    return all.filter(
      (u): u is Unsent => typeof u?.client_id === 'string' && u.client_id.length >= 8 && typeof u.text === 'string' && Array.isArray(u.files) && typeof u.failed === 'boolean',
    );
  } catch {
    return [];
  }
}
