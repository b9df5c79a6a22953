// The API client: openapi-fetch on the types of openapi.json, so a wrong path or
// field does not compile; one place for errors, sign-out and the server's clock.
import createClient from 'openapi-fetch';
import type { paths } from '../api';
import { clock } from './clock.svelte';
import type { QueueSettings, UserBody } from './model';

/** An answer that was not a success: status 0 when the server did not answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    /** Names of the fields at fault, as "target_ms", with the server's English sentence. */
    readonly fields: Record<string, string> = {},
  ) {
    super(detail);
  }
}

const onSignedOut = new Set<() => void>();

/** Tells f when the server no longer knows who we are. */
export function whenSignedOut(f: () => void): void {
  onSignedOut.add(f);
}

const client = createClient<paths>({ baseUrl: location.origin, fetch: (request) => fetch(request) });

interface Answer<T> {
  data?: T;
  error?: { detail?: string; title?: string; errors?: { location?: string; message?: string }[] | null };
  response: Response;
}

async function take<T>(asked: Promise<Answer<T>>, signingIn = false): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await asked;
  } catch {
    throw new ApiError(0, '');
  }
  const { data, error, response } = answer;
  const date = response.headers.get('Date');
  if (date) clock.learn(Date.parse(date) + 500); // it names a whole second
  if (response.ok) return data as T;
  if (response.status === 401 && !signingIn) for (const f of onSignedOut) f();
  const fields: Record<string, string> = {};
  for (const e of error?.errors ?? []) {
    // "body.title.fr" is the field "title"; a field that is missing is named in the message alone.
    const field = e.location?.split('.')[1] ?? /property (\w+)/.exec(e.message ?? '')?.[1];
    if (field) fields[field] ??= e.message ?? '';
  }
  throw new ApiError(response.status, error?.detail ?? error?.title ?? '', fields);
}

const path = <K extends string>(key: K, value: string) => ({ params: { path: { [key]: value } as Record<K, string> } });

export interface Page {
  limit?: number;
  after?: string;
}
export type CallQuery = NonNullable<paths['/api/v1/calls']['get']['parameters']['query']>;
export type ChosenState = 'ready' | 'not_ready' | 'offline';

// Empty parameters are left out: the server would check them.
function only<T extends object>(query: T): { params: { query: T } } {
  const set = Object.fromEntries(Object.entries(query).filter(([, v]) => v !== undefined && v !== ''));
  return { params: { query: set as T } };
}

export const api = {
  signIn: (login: string, password: string) => take(client.POST('/api/v1/session', { body: { login, password } }), true),
  signOut: () => take(client.DELETE('/api/v1/session')),
  me: () => take(client.GET('/api/v1/me')),
  queues: (window = 'today') => take(client.GET('/api/v1/queues', only({ window }))),
  calls: (query: CallQuery) => take(client.GET('/api/v1/calls', only(query))),
  call: (id: string) => take(client.GET('/api/v1/calls/{id}', path('id', id))),
  hangUp: (id: string) => take(client.DELETE('/api/v1/calls/{id}', path('id', id))),
  agents: () => take(client.GET('/api/v1/agents')),
  setState: (id: string, state: ChosenState, reason = '') =>
    take(client.PUT('/api/v1/agents/{id}/state', { ...path('id', id), body: reason ? { state, reason } : { state } })),
  endWrapUp: (id: string) => take(client.POST('/api/v1/agents/{id}/wrap-up/end', path('id', id))),
  contact: (id: string) => take(client.GET('/api/v1/contacts/{id}', path('id', id))),
  tickets: (page: Page) => take(client.GET('/api/v1/tickets', only(page))),
  ticket: (id: string) => take(client.GET('/api/v1/tickets/{id}', path('id', id))),
  recordings: (page: Page) => take(client.GET('/api/v1/recordings', only(page))),
  peaks: (id: string) => take(client.GET('/api/v1/recordings/{id}/peaks', path('id', id))),
  recording: (id: string) => take(client.GET('/api/v1/recordings/{id}', path('id', id))),
  callbacks: (page: Page) => take(client.GET('/api/v1/callbacks', only(page))),
  requestCallback: (queue: string, to: string) => take(client.POST('/api/v1/callbacks', { body: { queue, to } })),
  cancelCallback: (id: string) => take(client.DELETE('/api/v1/callbacks/{id}', path('id', id))),
  queue: (name: string) => take(client.GET('/api/v1/queues/{name}', path('name', name))),
  createQueue: (body: QueueSettings) => take(client.POST('/api/v1/queues', { body })),
  putQueue: (name: string, body: QueueSettings) => take(client.PUT('/api/v1/queues/{name}', { ...path('name', name), body })),
  putMember: (name: string, agent_id: string, rank: number) =>
    take(client.PUT('/api/v1/queues/{name}/members/{agent_id}', { params: { path: { name, agent_id } }, body: { rank } })),
  dropMember: (name: string, agent_id: string) =>
    take(client.DELETE('/api/v1/queues/{name}/members/{agent_id}', { params: { path: { name, agent_id } } })),
  createUser: (body: UserBody) => take(client.POST('/api/v1/users', { body })),
  putUser: (id: string, body: UserBody) => take(client.PUT('/api/v1/users/{id}', { ...path('id', id), body })),
  dropUser: (id: string) => take(client.DELETE('/api/v1/users/{id}', path('id', id))),
  users: () => take(client.GET('/api/v1/users')),
};

/** Where the audio of a recording is. */
export const audioURL = (recording: string): string => `/api/v1/recordings/${encodeURIComponent(recording)}/audio`;
