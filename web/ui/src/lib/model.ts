// What the API carries, as the pages use it. Fields the server may leave out are optional.

export type Role = 'agent' | 'supervisor' | 'reviewer' | 'admin';
export interface Me { id: string; login: string; name: string; role: Role; language: string; demo?: boolean }
export interface List<T> { items: T[]; next: string }

export interface Queue {
  name: string; title?: string | Record<string, string>; enabled?: boolean;
  waiting: number; longest_wait_ms: number; agents_ready: number; agents_busy: number; agents_wrap_up: number;
  offered: number; answered: number; answered_in_target: number; abandoned: number; short_abandoned: number;
  overflowed: number; callback_requested: number; mean_wait_ms: number | null; p90_wait_ms?: number | null;
  service_level: { target_ms: number; percent: number | null; formula?: string };
}
export interface TimelineEvent { at: string; kind: string; actor?: string; detail?: Record<string, string> | null }
export interface Leg {
  id: string; kind: string; agent_id: string; device: string; transport: string; codec: string; started_at: string | null;
  answered_at: string | null; ended_at: string | null; status: number; cause: string; packets_in: number; packets_lost: number;
  jitter_ms: number; mos: number;
}
export interface Call {
  id: string; sip_call_id: string; from: string; from_user?: string; from_display?: string; to: string; direction: string;
  language: string; queue: string; state: string; end_reason: string; started_at: string | null; enqueued_at: string | null;
  bridged_at: string | null; ended_at: string | null; wait_ms: number; talk_ms: number; agent_id: string; contact_id?: string;
  recording_id: string; ticket_id: string; callback_id: string; why?: string; timeline?: TimelineEvent[]; legs?: Leg[];
}
export type AgentState =
  | 'offline' | 'not_ready' | 'ready' | 'reserved' | 'connecting' | 'talking' | 'holding' | 'consulting' | 'conference'
  | 'dialing' | 'wrap_up' | 'unreachable';
export interface Agent {
  id: string; login: string; name: string; state: AgentState; reason: string; since: string | null;
  devices: number | unknown[] | null; call_id: string; wrap_up_until?: string | null; next_state?: string;
}
export interface Recording {
  id: string; call_id: string; agent_id: string; queue: string; started_at: string | null; duration_ms: number;
  state: 'open' | 'stored' | 'incomplete' | 'deleted'; incomplete: string; bytes: number; sha256: string;
}
export interface Touch {
  id: string; channel: string; queue: string; ticket_id: string; started_at: string | null; end_reason: string; agent_id: string;
}
export interface Contact {
  id: string; name: string; language: string; identities: { kind: string; value: string; verified: boolean }[]; interactions: Touch[];
}
export interface Ticket {
  id: string; number: number; subject: string; state: string; priority: number; queue: string; channel: string; language: string;
  contact_id: string; contact_name: string; assignee_id: string; calls: string[]; recordings: string[]; created_at: string | null;
  timeline?: TimelineEvent[];
}
export interface Callback {
  id: string; state: string; detail: string; kind: string; queue: string; target: string; player: string; key_ms: number;
  attempts: number; max_attempts: number; due_at: string | null; call_id: string; ticket_id: string;
}
export interface User { id: string; login: string; name: string; role: Role; language: string; active: boolean; demo: boolean }

/** How many there are, whether the API gives the number or the things. */
export function count(n: number | unknown[] | null | undefined): number {
  return Array.isArray(n) ? n.length : (n ?? 0);
}

/** What a screen calls the player of a call. */
export function playerName(c: Pick<Call, 'from' | 'from_user' | 'from_display'>): string {
  return c.from_display || c.from_user || c.from.replace(/^sips?:/, '') || '–';
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
    if (!abandonedReasons.includes(c.end_reason ?? '')) return false;
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
