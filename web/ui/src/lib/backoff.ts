/** Waits of a reconnection: exponential from first to most, with full jitter. */
export class Backoff {
  #tries = 0;

  constructor(
    private readonly first = 500,
    private readonly most = 30_000,
    private readonly random: () => number = Math.random,
  ) {}

  /** Milliseconds to wait before the next attempt; at least a tenth of first. */
  next(): number {
    const ceiling = Math.min(this.most, this.first * 2 ** this.#tries);
    this.#tries++;
    return Math.max(this.first / 10, this.random() * ceiling);
  }

  /** An attempt succeeded: the next wait is short again. */
  reset(): void {
    this.#tries = 0;
  }
}
