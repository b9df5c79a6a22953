// What the API carries, by the names the pages use. The types are those of
// openapi.json ("npm run api" makes api.d.ts from it).
import type { components } from '../api';

type Schemas = components['schemas'];
export type Me = Schemas['Me'];
export type Queue = Schemas['QueueNow'];
export type Call = Schemas['CallRow'];
export type CallStory = Schemas['CallStory'];
export type TimelineEvent = Schemas['Event'];
export type Agent = Schemas['AgentNow'];
export type AgentState = Agent['state'];
export type Recording = Schemas['RecordingRow'];
export type Peaks = Schemas['Peaks'];
export type Contact = Schemas['ContactStory'];
export type Ticket = Schemas['TicketRow'];
export type TicketStory = Schemas['TicketStory'];
export type Callback = Schemas['CallbackRow'];
export type User = Schemas['UserObject'];
export type UserBody = Schemas['UserBody'];
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
