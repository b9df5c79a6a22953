// The API client: one place for errors, sign-out and the server's clock.
import { clock } from './clock.svelte';
import type { Agent, Call, Callback, Contact, List, Me, Queue, Recording, Ticket, User } from './model';

/** An answer that was not a success: status 0 when the server did not answer. */
export class ApiError extends Error {
  constructor(readonly status: number, readonly detail: string) {
    super(detail);
  }
}

const onSignedOut = new Set<() => void>();

/** Tells f when the server no longer knows who we are. */
export function whenSignedOut(f: () => void): void {
  onSignedOut.add(f);
}

async function ask<T>(method: string, path: string, body?: unknown): Promise<T> {
  let answer: Response;
  try {
    answer = await fetch(path, {
      method,
      headers: body === undefined ? { Accept: 'application/json' } : { Accept: 'application/json', 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, '');
  }
  const date = answer.headers.get('Date');
  if (date) clock.learn(Date.parse(date) + 500);
  if (!answer.ok) {
    if (answer.status === 401 && path !== '/api/v1/session') for (const f of onSignedOut) f();
    const problem = (await answer.json().catch(() => null)) as { detail?: string; title?: string } | null;
    throw new ApiError(answer.status, problem?.detail ?? problem?.title ?? '');
  }
  return (answer.status === 204 ? undefined : await answer.json().catch(() => undefined)) as T;
}

function query(params: Record<string, string | number | undefined>): string {
  const q = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) if (value !== undefined && value !== '') q.set(key, String(value));
  const text = q.toString();
  return text ? `?${text}` : '';
}

const id = encodeURIComponent;
type Page = { limit?: number; after?: string };

export const api = {
  signIn: (login: string, password: string) => ask<void>('POST', '/api/v1/session', { login, password }),
  signOut: () => ask<void>('DELETE', '/api/v1/session'),
  me: () => ask<Me>('GET', '/api/v1/me'),
  queues: (window = 'today') => ask<List<Queue>>('GET', `/api/v1/queues${query({ window })}`),
  calls: (p: Page & Record<string, string | number | undefined>) => ask<List<Call>>('GET', `/api/v1/calls${query(p)}`),
  call: (c: string) => ask<Call>('GET', `/api/v1/calls/${id(c)}`),
  agents: () => ask<List<Agent>>('GET', '/api/v1/agents?limit=500'),
  setState: (agent: string, state: string, reason = '') => ask<Agent>('PUT', `/api/v1/agents/${id(agent)}/state`, { state, reason }),
  endWrapUp: (agent: string) => ask<void>('POST', `/api/v1/agents/${id(agent)}/wrap-up/end`),
  hangUp: (c: string) => ask<void>('DELETE', `/api/v1/calls/${id(c)}`),
  contact: (c: string) => ask<Contact>('GET', `/api/v1/contacts/${id(c)}`),
  tickets: (p: Page) => ask<List<Ticket>>('GET', `/api/v1/tickets${query(p)}`),
  ticket: (t: string) => ask<Ticket>('GET', `/api/v1/tickets/${id(t)}`),
  recordings: (p: Page) => ask<List<Recording>>('GET', `/api/v1/recordings${query(p)}`),
  recording: (r: string) => ask<Recording>('GET', `/api/v1/recordings/${id(r)}`),
  callbacks: (p: Page) => ask<List<Callback>>('GET', `/api/v1/callbacks${query(p)}`),
  requestCallback: (queue: string, to: string) => ask<Callback>('POST', '/api/v1/callbacks', { queue, to }),
  cancelCallback: (c: string) => ask<void>('DELETE', `/api/v1/callbacks/${id(c)}`),
  users: (p: Page) => ask<List<User>>('GET', `/api/v1/users${query(p)}`),
};

/** Where the audio of a recording is. */
export const audioURL = (recording: string): string => `/api/v1/recordings/${id(recording)}/audio`;
