// The written work of who is signed in, and what is offered to him at this
// moment: known on every page, for the banner, the sound and the title.
import { api, ApiError } from './api';
import { sortWork } from './model';
import type { Work } from './model';
import { Resource } from './resource.svelte';
import { session } from './session.svelte';

class WorkDesk {
  list = new Resource<Work[]>(async () => (await api.work()).items);
  sorted = $derived(sortWork(this.list.data ?? [], session.me?.id ?? ''));
  /** Offers whose time is not over. */
  offers = $derived(this.sorted.offers);

  /** Follows the work; returns the stop. */
  start(): () => void {
    return this.list.follow(['work', 'chat', 'queue'], (e) => e.topic !== 'chat' || e.kind !== 'typing');
  }

  /** Does one thing with an item and reads the work anew, also when another was faster. */
  async act(f: () => Promise<unknown>): Promise<void> {
    try {
      await f();
    } finally {
      await this.list.refresh();
    }
  }

  /** What is held or waits of a ticket. */
  of(ticketId: string): Work[] {
    return (this.list.data ?? []).filter((w) => w.ticket_id === ticketId);
  }
}

export const work = new WorkDesk();

/** Somebody else was faster, or it is gone: no fault to show at length. */
export const tooLate = (err: unknown): boolean => err instanceof ApiError && (err.status === 404 || err.type === 'urn:pickup:problem:work-taken');
