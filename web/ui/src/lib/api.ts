// The API client: openapi-fetch on the types of openapi.json, so a wrong path or
// field does not compile; one place for errors, sign-out and the server's clock.
import createClient from 'openapi-fetch';
import type { paths } from '../api';
import { clock } from './clock.svelte';
import type { ChannelLimit, FileInfo, ForecastEvents, SimulationWish, MailboxBody, Message, Operation, QueueSettings, TicketEdit, TransferBody, UserBody } from './model';

/** An answer that was not a success: status 0 when the server did not answer. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly detail: string,
    /** Names of the fields at fault, as "target_ms", with the server's English sentence. */
    readonly fields: Record<string, string> = {},
    /** The kind of the problem, and what came between when it is unseen messages. */
    readonly type = '',
    readonly unseen: Message[] = [],
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
  error?: { detail?: string; title?: string; type?: string; messages?: Message[]; errors?: { location?: string; message?: string }[] | null };
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
  throw new ApiError(response.status, error?.detail ?? error?.title ?? '', fields, error?.type, error?.messages);
}

const path = <K extends string>(key: K, value: string) => ({ params: { path: { [key]: value } as Record<K, string> } });

export interface Page {
  limit?: number;
  after?: string;
}
export type CallQuery = NonNullable<paths['/api/v1/calls']['get']['parameters']['query']>;
export type TicketQuery = NonNullable<paths['/api/v1/tickets']['get']['parameters']['query']>;
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
  iceServers: () => take(client.GET('/api/v1/ice-servers')),
  queues: (window = 'today') => take(client.GET('/api/v1/queues', only({ window }))),
  calls: (query: CallQuery) => take(client.GET('/api/v1/calls', only(query))),
  call: (id: string) => take(client.GET('/api/v1/calls/{id}', path('id', id))),
  caller: (id: string) => take(client.GET('/api/v1/calls/{id}/caller', path('id', id))),
  talk: (id: string) => take(client.GET('/api/v1/calls/{id}/talk', path('id', id))),
  operate: (id: string, operation: Operation, to?: string) => take(client.POST('/api/v1/calls/{id}/talk', { ...path('id', id), body: { operation, to } })),
  parked: () => take(client.GET('/api/v1/parked')),
  targets: () => take(client.GET('/api/v1/targets')),
  putCallPriority: (id: string, priority: number, reason: string) =>
    take(client.PUT('/api/v1/calls/{id}/priority', { ...path('id', id), body: { priority, reason } })),
  hangUp: (id: string) => take(client.DELETE('/api/v1/calls/{id}', path('id', id))),
  agents: () => take(client.GET('/api/v1/agents')),
  setState: (id: string, state: ChosenState, reason = '') =>
    take(client.PUT('/api/v1/agents/{id}/state', { ...path('id', id), body: reason ? { state, reason } : { state } })),
  agent: (id: string) => take(client.GET('/api/v1/agents/{id}', path('id', id))),
  endWrapUp: (id: string) => take(client.POST('/api/v1/agents/{id}/wrap-up/end', path('id', id))),
  contact: (id: string) => take(client.GET('/api/v1/contacts/{id}', path('id', id))),
  tickets: (query: TicketQuery) => take(client.GET('/api/v1/tickets', only(query))),
  ticket: (id: string) => take(client.GET('/api/v1/tickets/{id}', path('id', id))),
  recordings: (page: Page) => take(client.GET('/api/v1/recordings', only(page))),
  peaks: (id: string) => take(client.GET('/api/v1/recordings/{id}/peaks', path('id', id))),
  recording: (id: string) => take(client.GET('/api/v1/recordings/{id}', path('id', id))),
  callbacks: (page: Page) => take(client.GET('/api/v1/callbacks', only(page))),
  requestCallback: (queue: string, to: string) => take(client.POST('/api/v1/callbacks', { body: { queue, to } })),
  cancelCallback: (id: string) => take(client.DELETE('/api/v1/callbacks/{id}', path('id', id))),
  staffing: (name: string, shrinkage: number) => take(client.GET('/api/v1/queues/{name}/staffing', { params: { path: { name }, query: { shrinkage } } })),
  forecastEvents: () => take(client.GET('/api/v1/forecast/events')),
  putForecastEvents: (body: ForecastEvents) => take(client.PUT('/api/v1/forecast/events', { body })),
  simulate: (body: SimulationWish) => take(client.POST('/api/v1/simulations', { body })),
  queue: (name: string) => take(client.GET('/api/v1/queues/{name}', path('name', name))),
  createQueue: (body: QueueSettings) => take(client.POST('/api/v1/queues', { body })),
  putQueue: (name: string, body: QueueSettings) => take(client.PUT('/api/v1/queues/{name}', { ...path('name', name), body })),
  putMember: (name: string, agent_id: string, rank: number, delay_ms: number) =>
    take(client.PUT('/api/v1/queues/{name}/members/{agent_id}', { params: { path: { name, agent_id } }, body: { rank, delay_ms } })),
  dropMember: (name: string, agent_id: string) =>
    take(client.DELETE('/api/v1/queues/{name}/members/{agent_id}', { params: { path: { name, agent_id } } })),
  createUser: (body: UserBody) => take(client.POST('/api/v1/users', { body })),
  putUser: (id: string, body: UserBody) => take(client.PUT('/api/v1/users/{id}', { ...path('id', id), body })),
  limits: (id: string) => take(client.GET('/api/v1/users/{id}/limits', path('id', id))),
  putLimits: (id: string, limits: Pick<ChannelLimit, 'channel' | 'max' | 'parked' | 'weight'>[]) => take(client.PUT('/api/v1/users/{id}/limits', { ...path('id', id), body: { limits } })),
  dropUser: (id: string) => take(client.DELETE('/api/v1/users/{id}', path('id', id))),
  users: () => take(client.GET('/api/v1/users')),

  work: () => take(client.GET('/api/v1/work', only({ limit: 500 }))),
  workStory: (id: string) => take(client.GET('/api/v1/work/{id}', path('id', id))),
  acceptWork: (id: string) => take(client.POST('/api/v1/work/{id}/accept', path('id', id))),
  rejectWork: (id: string) => take(client.POST('/api/v1/work/{id}/reject', { ...path('id', id), body: {} })),
  doneWork: (id: string) => take(client.POST('/api/v1/work/{id}/done', path('id', id))),
  claimWork: (id: string) => take(client.POST('/api/v1/work/{id}/claim', path('id', id))),
  parkWork: (id: string) => take(client.POST('/api/v1/work/{id}/park', path('id', id))),
  resumeWork: (id: string) => take(client.POST('/api/v1/work/{id}/resume', path('id', id))),
  workDestinations: (id: string) => take(client.GET('/api/v1/work/{id}/destinations', path('id', id))),
  transferWork: (id: string, body: TransferBody) => take(client.POST('/api/v1/work/{id}/transfer', { ...path('id', id), body })),

  chats: () => take(client.GET('/api/v1/chats')),
  chat: (id: string) => take(client.GET('/api/v1/chats/{id}', path('id', id))),
  chatEvents: (id: string, after: number) =>
    take(client.GET('/api/v1/chats/{id}/messages', { params: { path: { id }, query: { after } } })),
  say: (id: string, client_id: string, text: string, files: string[]) =>
    take(client.POST('/api/v1/chats/{id}/messages', { ...path('id', id), body: { client_id, text, files } })),
  readChat: (id: string, seq: number) => take(client.POST('/api/v1/chats/{id}/read', { ...path('id', id), body: { seq } })),
  typeInChat: (id: string) => take(client.POST('/api/v1/chats/{id}/typing', path('id', id))),
  endChat: (id: string) => take(client.POST('/api/v1/chats/{id}/end', path('id', id))),
  offerCall: (id: string) => take(client.POST('/api/v1/chats/{id}/call', path('id', id))),

  categories: () => take(client.GET('/api/v1/categories')),
  editTicket: (id: string, body: TicketEdit) => take(client.PATCH('/api/v1/tickets/{id}', { ...path('id', id), body })),
  messages: (id: string) => take(client.GET('/api/v1/tickets/{id}/messages', path('id', id))),
  post: (id: string, body: Outgoing) => take(client.POST('/api/v1/tickets/{id}/messages', { ...path('id', id), body })),
  drafts: (id: string) => take(client.GET('/api/v1/tickets/{id}/drafts', path('id', id))),
  saveDraft: (id: string, kind: 'agent' | 'note', body: string) =>
    take(client.PUT('/api/v1/tickets/{id}/drafts/{kind}', { params: { path: { id, kind } }, body: { body }, keepalive: body.length < 20_000 })),
  watch: (id: string, page: string, typing: boolean) =>
    take(client.POST('/api/v1/tickets/{id}/watchers', { ...path('id', id), body: { page, typing } })),
  leave: (id: string, page: string) =>
    take(client.DELETE('/api/v1/tickets/{id}/watchers/{page}', { params: { path: { id, page } }, keepalive: true })),
  duplicates: (id: string) => take(client.GET('/api/v1/tickets/{id}/duplicates', path('id', id))),
  mergeTicket: (id: string, into: string) => take(client.POST('/api/v1/tickets/{id}/merge', { ...path('id', id), body: { into } })),
  unmergeTicket: (id: string) => take(client.POST('/api/v1/tickets/{id}/unmerge', path('id', id))),
  splitTicket: (id: string, message_id: string, subject: string) =>
    take(client.POST('/api/v1/tickets/{id}/split', { ...path('id', id), body: subject ? { message_id, subject } : { message_id } })),
  attach: (id: string, interaction_id: string) =>
    take(client.POST('/api/v1/tickets/{id}/interactions', { ...path('id', id), body: { interaction_id } })),
  link: (id: string, other: string) => take(client.PUT('/api/v1/tickets/{id}/links/{other}', { params: { path: { id, other } } })),
  unlink: (id: string, other: string, kind: LinkKind) =>
    take(client.DELETE('/api/v1/tickets/{id}/links/{other}', { params: { path: { id, other }, query: { kind } } })),
  mergeContact: (id: string, into: string) => take(client.POST('/api/v1/contacts/{id}/merge', { ...path('id', id), body: { into } })),
  unmergeContact: (id: string) => take(client.POST('/api/v1/contacts/{id}/unmerge', path('id', id))),

  mailboxes: () => take(client.GET('/api/v1/mailboxes')),
  createMailbox: (body: MailboxBody) => take(client.POST('/api/v1/mailboxes', { body })),
  putMailbox: (id: string, body: MailboxBody) => take(client.PUT('/api/v1/mailboxes/{id}', { ...path('id', id), body })),
  dropMailbox: (id: string) => take(client.DELETE('/api/v1/mailboxes/{id}', path('id', id))),
  testMailbox: (id: string) => take(client.POST('/api/v1/mailboxes/{id}/test', path('id', id))),

  /** Uploads a file for a message. */
  upload: async (file: File): Promise<FileInfo> => {
    const form = new FormData();
    form.append('file', file);
    return take(
      fetch(new Request(new URL('/api/v1/files', location.href), { method: 'POST', body: form })).then(async (response) => {
        const body: unknown = await response.json().catch(() => undefined);
        return response.ok ? { data: body as FileInfo, response } : { error: body as Answer<FileInfo>['error'], response };
      }),
    );
  },
};

export type LinkKind = 'duplicate' | 'parent' | 'related' | 'follow_up';
export type Outgoing = Omit<paths['/api/v1/tickets/{id}/messages']['post']['requestBody']['content']['application/json'], '$schema'>;

/** Where a file of a message is. */
export const fileURL = (id: string): string => `/api/v1/files/${encodeURIComponent(id)}`;

/** Where the audio of a recording is. */
export const audioURL = (recording: string): string => `/api/v1/recordings/${encodeURIComponent(recording)}/audio`;
