// Runs what a button asks and keeps what went wrong, in words.
import { ApiError } from '../lib/api';
import { t, term } from '../console/t';

export class Action {
  /** fields are those of the form, by their names in the API, that show their own faults. */
  constructor(private readonly fields: readonly string[] = []) {}

  busy = $state(false);
  /** What went wrong as a whole; '' when the fields say it. */
  fault = $state('');
  /** What is wrong in a field, by its name in the API. */
  faults = $state.raw<Record<string, string>>({});

  /** Runs f; true when it worked. While one runs, others are refused. */
  async run(f: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.fault = '';
    this.faults = {};
    try {
      await f();
      return true;
    } catch (err) {
      this.faults = fieldWords(err, this.fields);
      if (Object.keys(this.faults).length === 0) this.fault = words(err);
      return false;
    } finally {
      this.busy = false;
    }
  }
}

/** Why a file was not taken: the limits are the server's, the words ours. */
export function fileWords(err: unknown): string {
  const known = err instanceof ApiError ? ({ 413: 'file.large', 415: 'file.kind', 422: 'file.broken' } as const)[err.status as 413] : undefined;
  return known ? t(known) : words(err);
}

function words(err: unknown): string {
  if (!(err instanceof ApiError) || err.status === 0 || err.status >= 500) return t('error.away');
  if (err.status === 403) return t('error.forbidden');
  if (err.status === 404) return t('error.missing');
  if (err.status === 409) return t('error.conflict', { detail: err.detail });
  return t('error.other', { detail: err.detail || err.status });
}

// The fields that the server names at fault, in the language of the page: each has one rule, told where it is known.
function fieldWords(err: unknown, fields: readonly string[]): Record<string, string> {
  if (!(err instanceof ApiError) || (err.status !== 422 && err.status !== 409)) return {};
  const group = err.status === 409 ? 'taken' : 'fault';
  const named = Object.keys(err.fields).filter((field) => fields.includes(field));
  return Object.fromEntries(named.map((field) => [field, term(group, field)]));
}
