// What the player's page decides without a browser: kept apart to be tested.

export type Failure =
  | 'denied' | 'none' | 'busy' | 'insecure' | 'unsupported' | 'full' | 'away' | 'queue' | 'media' | 'gone' | 'refused';

export type Ending = 'talk' | 'left' | 'server' | 'closed' | 'overflow' | 'cancelled';

/** How long the server keeps the place of a page that went away. */
export const KEEP_MS = 180_000;

/** Places are read aloud at most this often. */
export const SAY_EVERY_MS = 15_000;

/** What an error of getUserMedia means to a person. */
export function microphoneFailure(name: string): Failure {
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'none';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'unsupported';
  }
}

/** What the status of an answer to an offer means to a person. */
export function offerFailure(status: number, resuming: boolean): Failure {
  if (status === 404 || status === 410) return resuming ? 'gone' : 'queue';
  if (status === 503 || status === 429 || status === 486) return 'full';
  if (status === 400 || status === 415 || status === 422 || status === 488) return 'media';
  if (status >= 500) return 'away';
  return 'refused';
}

/** Seconds of a Retry-After header; 10 where there is none or a date. */
export function retryAfter(header: string | null): number {
  const seconds = Number.parseInt(header ?? '', 10);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 600) : 10;
}

/** How a call ended, from the reason of the server and whether there was a talk. */
export function ending(reason: string, talked: boolean): Ending {
  if (talked) return 'talk';
  if (reason === 'closed') return 'closed';
  if (reason.startsWith('overflow')) return 'overflow';
  if (reason.startsWith('abandoned') || reason === 'short_abandoned') return 'left';
  return 'server';
}

export type EstimateText =
  | { key: 'estimate.none' | 'estimate.lt1' }
  | { key: 'estimate.one'; n: number }
  | { key: 'estimate.range'; low: number; high: number };

/** Whole minutes for people; nobody is served by "1 min 37 s". */
export function estimateText(lowMs: number, highMs: number): EstimateText {
  if (highMs <= 0) return { key: 'estimate.none' };
  if (highMs < 60_000) return { key: 'estimate.lt1' };
  const low = Math.max(1, Math.floor(lowMs / 60_000));
  const high = Math.max(1, Math.ceil(highMs / 60_000));
  return low === high ? { key: 'estimate.one', n: high } : { key: 'estimate.range', low, high };
}

export interface Kept {
  token: string;
  location: string;
  queue: string;
  lang: string;
  /** When the page was last alive, ms since 1970. */
  at: number;
  /** The call became a promise to call back. */
  callback: boolean;
  talked: boolean;
}

/** Reads what a page left for its next life; null when it is too old or no such thing. */
export function parseKept(text: string | null, now: number): Kept | null {
  if (!text) return null;
  try {
    const kept = JSON.parse(text) as Kept;
    if (typeof kept.token !== 'string' || typeof kept.location !== 'string' || typeof kept.at !== 'number') return null;
    if (!kept.callback && now - kept.at > KEEP_MS) return null;
    return kept;
  } catch {
    return null;
  }
}
