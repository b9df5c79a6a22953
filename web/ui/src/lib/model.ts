// What the API carries, by the names the pages use. The types are those of
// openapi.json ("npm run api" makes api.d.ts from it).
import type { components } from '../api';

type Schemas = components['schemas'];
export type Me = Schemas['Me'];
export type Queue = Schemas['QueueNow'];
export type ForecastEvents = Omit<Schemas['ForecastEvents'], '$schema'>;
export type Simulation = Schemas['Simulation'];
export type SimulationWish = Omit<Schemas['SimulationWish'], '$schema'>;
export type Call = Schemas['CallRow'];
export type Caller = Schemas['CallerInfo'];
export type CallStory = Schemas['CallStory'];
export type TimelineEvent = Schemas['Event'];
export type Agent = Schemas['AgentNow'];
export type AgentState = Agent['state'];
export type Recording = Schemas['RecordingRow'];
export type Peaks = Schemas['Peaks'];
export type Contact = Schemas['ContactStory'];
export type Ticket = Schemas['TicketRow'];
export type TicketStory = Schemas['TicketStory'];
export type TicketValue = Schemas['TicketValue'];
export type TicketState = Ticket['state'];
export type TicketEdit = Omit<Schemas['EditTicketInputBody'], '$schema'>;
export type Message = Schemas['TicketMessage'];
export type FileInfo = Pick<Schemas['AttachmentInfo'], 'id' | 'name' | 'mime' | 'size'>;
export type Draft = Schemas['DraftInfo'];
export type Watcher = Schemas['WatcherInfo'];
export type Duplicate = Schemas['DuplicateInfo'];
export type Category = Schemas['CategoryInfo'];
export type Touch = Schemas['ContactTouch'];
export type Work = Schemas['WorkRow'];
export type WorkStory = Schemas['WorkStory'];
export type Chat = Schemas['ChatRow'];
export type ChatEvent = Schemas['ChatEvent'];
export type Mailbox = Schemas['MailboxObject'];
export type MailboxBody = Omit<Schemas['MailboxBody'], '$schema'>;
export type Callback = Schemas['CallbackRow'];
export type User = Schemas['UserObject'];
export type UserBody = Schemas['UserBody'];
export type ChannelLimit = Schemas['ChannelLimit'];
export type Talk = Schemas['TalkInfo'];
export type Operation = Schemas['OperateInputBody']['operation'];
export type TransferBody = Omit<Schemas['TransferWorkInputBody'], '$schema'>;
export type StoredQueue = Schemas['QueueObject'];
export type QueueSettings = Schemas['QueueSettings'];
export interface List<T> { items: T[]; next: string }

/** What a screen calls the player of a call. */
export function playerName(c: Pick<Call, 'from' | 'from_user' | 'from_display'>): string {
  return c.from_display || (c.from_user === 'anonymous' ? '' : c.from_user) || c.from.replace(/^(sips?|browser):/, '') || '–';
}

/** The counts of a queue whose calls can be listed, in the order in which screens show them. */
export const figures = [
  'offered', 'answered', 'answered_in_target', 'abandoned', 'short_abandoned', 'overflowed', 'callback_requested',
] as const satisfies (keyof Queue)[];
export type Figure = (typeof figures)[number];

export type Level = 'good' | 'warn' | 'bad';

/** Colour of a wait against its target: amber from half of it, red beyond. */
export function waitLevel(waitMs: number, targetMs: number): Level {
  return waitMs > targetMs ? 'bad' : waitMs * 2 >= targetMs ? 'warn' : 'good';
}

/** Colour of a share against the 80 % wanted: amber within ten points. */
export function shareLevel(percent: number, wanted = 80): Level {
  return percent >= wanted ? 'good' : percent >= wanted - 10 ? 'warn' : 'bad';
}

/** What a chat, mail or ticket weighs of the hundred that an agent can hold. */
export const weights: Record<string, number> = { call: 100, callback: 100, chat: 33, email: 34, web_form: 34, ticket: 34, social: 25 };

/** How much of an agent's hundred is in use: a call takes all of it, text by weight, what is set aside nothing. */
export function capacity(work: Pick<Work, 'channel' | 'state'>[], inCall: boolean, own: Pick<ChannelLimit, 'channel' | 'weight'>[] = []): number {
  if (inCall) return 100;
  return work.filter((w) => w.state === 'active').reduce((sum, w) => sum + (own.find((l) => l.channel === w.channel)?.weight ?? weights[w.channel] ?? 0), 0);
}

/** Targets of the first reply where the server names none: chats two minutes, all other writing four hours. */
export const targetOf = (channel: string): number => (channel === 'chat' ? 120_000 : channel === 'call' ? 30_000 : 4 * 3600_000);

/** The work of one agent and of the queues: offers, what he holds with the live first, what he set aside, what waits in order. */
export function sortWork(all: Work[], me: string): { offers: Work[]; held: Work[]; parked: Work[]; waiting: Work[]; others: Work[] } {
  const rank = (w: Work) => (w.channel === 'chat' ? 0 : 1);
  const since = (w: Work) => Date.parse(w.taken_at ?? w.since ?? '') || 0;
  const mine = all.filter((w) => w.agent_id === me && w.state !== 'waiting');
  return {
    offers: mine.filter((w) => w.state === 'offered').sort((a, b) => rank(a) - rank(b)),
    held: mine.filter((w) => w.state === 'active').sort((a, b) => rank(a) - rank(b) || since(a) - since(b)),
    parked: mine.filter((w) => w.state === 'parked').sort((a, b) => since(a) - since(b)),
    waiting: all.filter((w) => w.state === 'waiting').sort((a, b) => a.class - b.class || a.key_ms - b.key_ms || a.id.localeCompare(b.id)),
    others: all.filter((w) => w.state !== 'waiting' && w.agent_id !== me),
  };
}
