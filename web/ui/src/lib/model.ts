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
export type Contact = Schemas['ContactStory'];
export type Ticket = Schemas['TicketRow'];
export type TicketStory = Schemas['TicketStory'];
export type Callback = Schemas['CallbackRow'];
export type User = Schemas['UserObject'];
export interface List<T> { items: T[]; next: string }

/** What a screen calls the player of a call. */
export function playerName(c: Pick<Call, 'from' | 'from_user' | 'from_display'>): string {
  return c.from_display || (c.from_user === 'anonymous' ? '' : c.from_user) || c.from.replace(/^(sips?|browser):/, '') || '–';
}

/** Whether a call ended without an agent because the player left. */
export const abandonedReasons = ['abandoned', 'abandoned_ringing'];

/** The filters of the list of calls: every number of the live page is one of them. */
export interface CallFilter {
  state: string; queue: string; reason: string; agent: string; inTarget: string; window: string;
}

/** Whether a call belongs to a list; the same rule as the server's figures. */
export function matches(c: Call, f: CallFilter, targetMs: number): boolean {
  if (f.queue && c.queue !== f.queue) return false;
  if (f.agent && c.agent_id !== f.agent) return false;
  if (f.state === 'live' ? c.state === 'ended' : f.state === 'ended' ? c.state !== 'ended' : false) return false;
  if (f.state === 'waiting' && c.state !== 'waiting' && c.state !== 'offered') return false;
  if (f.reason === 'abandoned') {
    if (!abandonedReasons.includes(c.end_reason)) return false;
  } else if (f.reason === 'answered') {
    if (c.end_reason !== 'answered' && c.end_reason !== 'abandoned_on_hold') return false;
  } else if (f.reason && c.end_reason !== f.reason) return false;
  if (f.inTarget === 'yes' && (!c.bridged_at || c.wait_ms > targetMs)) return false;
  if (f.inTarget === 'no' && c.wait_ms <= targetMs) return false;
  return true;
}

export type Level = 'good' | 'warn' | 'bad';

/** Colour of a wait against its target: amber from half of it, red beyond. */
export function waitLevel(waitMs: number, targetMs: number): Level {
  return waitMs > targetMs ? 'bad' : waitMs * 2 >= targetMs ? 'warn' : 'good';
}

/** Colour of a share against the 80 % wanted: amber within ten points. */
export function shareLevel(percent: number, wanted = 80): Level {
  return percent >= wanted ? 'good' : percent >= wanted - 10 ? 'warn' : 'bad';
}
