// A history router: the path and the query as signals.

class Router {
  path = $state(location.pathname);
  query = $state(new URLSearchParams(location.search));

  constructor() {
    addEventListener('popstate', () => this.#read());
    addEventListener('click', (e) => this.#click(e));
  }

  /** Goes to a path of the console. */
  go(to: string, replace = false): void {
    if (replace) history.replaceState(null, '', to);
    else history.pushState(null, '', to);
    this.#read();
    if (!replace) scrollTo(0, 0);
  }

  /** The parts of the path: ["calls", "c1"]. */
  get parts(): string[] {
    return this.path.split('/').filter(Boolean).map(decodeURIComponent);
  }

  /** Sets or removes parameters of the query, in place. */
  filter(changes: Record<string, string>): void {
    const query = new URLSearchParams(this.query);
    for (const [key, value] of Object.entries(changes)) {
      if (value) query.set(key, value);
      else query.delete(key);
    }
    const text = query.toString();
    this.go(text ? `${this.path}?${text}` : this.path, true);
  }

  #read(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
  }

  // Links stay ordinary links; a plain click on one of ours does not load a page.
  #click(e: MouseEvent): void {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    const link = (e.target as Element).closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    if (!/^\/($|live|work|agents|calls|tickets|contacts|recordings|callbacks|queues|mailboxes|users)/.test(link.pathname)) return;
    e.preventDefault();
    this.go(link.pathname + link.search);
  }
}

export const router = new Router();
