// One clock for everything that ticks, corrected to the server's time, so that
// durations from server time stamps are right on a machine whose clock is not.

class Clock {
  /** Server time in milliseconds since 1970, renewed each second. */
  now = $state(Date.now());
  #offset = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Starts ticking; returns what stops it. */
  start(): () => void {
    this.#timer ??= setInterval(() => (this.now = this.server()), 1000);
    return () => {
      clearInterval(this.#timer);
      this.#timer = undefined;
    };
  }

  /** The server's time at this moment. */
  server(): number {
    return Date.now() + this.#offset;
  }

  /** Learns from a time stamp of the server; small differences are transport, not clocks. */
  learn(serverMs: number): void {
    if (!Number.isFinite(serverMs)) return;
    const offset = serverMs - Date.now();
    this.#offset = Math.abs(offset) < 2000 ? 0 : offset;
  }

  /** Milliseconds since a time stamp, at the second of now; never negative. */
  since(at: string | null | undefined): number {
    if (!at) return 0;
    return Math.max(0, this.now - Date.parse(at));
  }
}

export const clock = new Clock();
