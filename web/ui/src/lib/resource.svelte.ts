// A thing read from the server that follows the live stream.
import { ApiError } from './api';
import { clock } from './clock.svelte';
import { live } from './live.svelte';
import type { LiveEvent, Topic } from './live.svelte';

const DEBOUNCE_MS = 150;

export class Resource<T> {
  data = $state.raw<T | undefined>(undefined);
  error = $state.raw<ApiError | undefined>(undefined);
  loading = $state(true);
  /** When data was read, in server time. */
  at = $state(0);
  #run = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly read: () => Promise<T>) {}

  /** Reads again; an older answer that comes later is dropped. */
  async refresh(): Promise<void> {
    const run = ++this.#run;
    try {
      const data = await this.read();
      if (run !== this.#run) return;
      this.data = data;
      this.error = undefined;
      this.at = clock.server();
    } catch (err) {
      if (run !== this.#run) return;
      this.error = err instanceof ApiError ? err : new ApiError(0, String(err));
    }
    this.loading = false;
  }

  /** Reads now, and again after each change of the topics that concerns it; returns the stop. */
  follow(topics: Topic[], concerns: (e: LiveEvent) => boolean = () => true): () => void {
    void this.refresh();
    const off = live.on((topic, e) => {
      if (topic !== 'reset' && (!topics.includes(topic) || (e && !concerns(e)))) return;
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        void this.refresh();
      }, DEBOUNCE_MS);
    });
    return () => {
      off();
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#run++;
    };
  }
}

/** For a component: reads what `read` says, again when its signals or the topics change. */
export function follow<T>(read: () => Promise<T>, topics: Topic[], key: () => unknown = () => '', concerns?: (e: LiveEvent) => boolean): Resource<T> {
  const resource = new Resource(read);
  $effect(() => {
    key();
    return resource.follow(topics, concerns);
  });
  return resource;
}
