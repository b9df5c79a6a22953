// Who is signed in.
import { api, ApiError, whenSignedOut } from './api';
import type { Agent, Me } from './model';
import { language } from './i18n.svelte';
import { live } from './live.svelte';

class Session {
  me = $state.raw<Me | null>(null);
  /** The server has said whether somebody is signed in. */
  known = $state(false);
  /** The server did not answer. */
  away = $state(false);
  /** Names of the agents by id, filled by the pages that list them. */
  names = $state<Record<string, string>>({});

  constructor() {
    whenSignedOut(() => this.#gone());
  }

  get manages(): boolean {
    return this.me?.role === 'supervisor' || this.me?.role === 'admin';
  }

  get administers(): boolean {
    return this.me?.role === 'admin';
  }

  /** Asks who we are. */
  async load(): Promise<void> {
    try {
      this.me = await api.me();
      this.away = false;
      live.start();
      if (!hasChoice() && (this.me.language === 'fr' || this.me.language === 'en')) language.set(this.me.language);
      void api.agents().then((list) => this.learn(list.items)).catch(() => {});
    } catch (err) {
      this.away = !(err instanceof ApiError) || err.status === 0 || err.status >= 500;
      this.me = null;
    }
    this.known = true;
  }

  async signIn(login: string, password: string): Promise<void> {
    await api.signIn(login, password);
    await this.load();
  }

  async signOut(): Promise<void> {
    await api.signOut().catch(() => {});
    this.#gone();
  }

  learn(agents: Agent[]): void {
    for (const a of agents) if (this.names[a.id] !== a.name) this.names[a.id] = a.name || a.login;
  }

  /** Learns names by id, as a ticket tells those of its story. */
  know(people: Record<string, string>): void {
    for (const [id, name] of Object.entries(people)) if (this.names[id] !== name) this.names[id] = name;
  }

  name(id: string | null | undefined): string {
    return id ? (this.names[id] ?? (id === this.me?.id ? this.me.name : id.slice(-6))) : '–';
  }

  #gone(): void {
    live.stop();
    this.me = null;
  }
}

function hasChoice(): boolean {
  try {
    return localStorage.getItem('pickup.lang') !== null;
  } catch {
    return false;
  }
}

export const session = new Session();
