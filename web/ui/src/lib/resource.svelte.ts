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
  #newest: { run: number; done: Promise<void> } = { run: 0, done: Promise.resolve() };
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly read: () => Promise<T>) {}

  /** Reads again; an older answer that comes later is dropped. When it is done, data is at least as new as the call. */
  refresh(): Promise<void> {
    const run = ++this.#run;
    const done = this.#load(run);
    this.#newest = { run, done };
    return done;
  }

  async #load(run: number): Promise<void> {
    let data: T | undefined;
    let error: ApiError | undefined;
    try {
      data = await this.read();
    } catch (err) {
      error = err instanceof ApiError ? err : new ApiError(0, String(err));
    }
    if (run !== this.#run) {
      if (this.#newest.run !== run) await this.#newest.done;
      return;
    }
    if (!error) {
      this.data = data;
      this.at = clock.server();
    }
    this.error = error;
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
