// Runs what a button asks and keeps what went wrong, in words.
import { ApiError } from '../lib/api';
import { t } from '../console/t';

export class Action {
  busy = $state(false);
  fault = $state('');

  /** Runs f; true when it worked. While one runs, others are refused. */
  async run(f: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.fault = '';
    try {
      await f();
      return true;
    } catch (err) {
      this.fault = words(err);
      return false;
    } finally {
      this.busy = false;
    }
  }
}

function words(err: unknown): string {
  if (!(err instanceof ApiError) || err.status === 0 || err.status >= 500) return t('error.away');
  if (err.status === 403) return t('error.forbidden');
  if (err.status === 404) return t('error.missing');
  if (err.status === 409) return t('error.conflict', { detail: err.detail });
  return t('error.other', { detail: err.detail || err.status });
}
