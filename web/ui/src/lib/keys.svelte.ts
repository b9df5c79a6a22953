// Keys of the console: what does what, remapped per browser. A key without Ctrl or
// Alt does nothing while somebody writes.

const defaults = {
  help: '?', search: '/', accept: 'Ctrl+Space', hold: 'Ctrl+Shift+H', mute: 'M', hangup: 'Ctrl+E', next: 'N', down: 'J', up: 'K', reply: 'R', note: 'I',
  assign: 'A', send: 'Ctrl+Enter', solve: 'Ctrl+Shift+Enter', back: 'Escape',
};
export type Deed = keyof typeof defaults;
export const deeds = Object.keys(defaults) as Deed[];
const STORED = 'pickup.keys';

/** The key of an event as "Ctrl+Shift+H"; empty while only Ctrl, Alt or Shift is down. */
export function chord(e: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>): string {
  if (['Control', 'Shift', 'Alt', 'AltGraph', 'Meta', 'Dead', 'Unidentified'].includes(e.key)) return '';
  // A sign such as ? has its Shift in it already.
  const shift = e.shiftKey && (e.key.length > 1 || e.key === ' ' || /\p{L}/u.test(e.key));
  const name = e.key === ' ' ? 'Space' : e.key.length === 1 ? e.key.toUpperCase() : e.key;
  return [e.ctrlKey || e.metaKey ? 'Ctrl' : '', e.altKey ? 'Alt' : '', shift ? 'Shift' : '', name].filter(Boolean).join('+');
}

/** A key that types something, and so is no shortcut in a text field. */
const types = (c: string) => !/^(Ctrl|Alt)\+/.test(c);

const texts = ['text', 'search', 'email', 'password', 'number', 'tel', 'url', 'date', 'datetime-local', 'time'];
function writes(at: EventTarget | null): boolean {
  return (
    at instanceof HTMLTextAreaElement || at instanceof HTMLSelectElement || (at instanceof HTMLElement && at.isContentEditable) ||
    (at instanceof HTMLInputElement && texts.includes(at.type))
  );
}

class Keys {
  map = $state<Record<Deed, string>>({ ...defaults, ...read() });
  #doers = new Map<Deed, (() => unknown)[]>();

  /** Lets f do a deed, before whoever did it; f returns false for what it cannot do now. Returns the stop. */
  on(deed: Deed, f: () => unknown): () => void {
    const list = this.#doers.get(deed) ?? [];
    this.#doers.set(deed, [...list, f]);
    return () => this.#doers.set(deed, (this.#doers.get(deed) ?? []).filter((one) => one !== f));
  }

  is(deed: Deed, e: KeyboardEvent): boolean {
    return this.map[deed] !== '' && chord(e) === this.map[deed];
  }

  /** Gives a deed another key, or none; who had it has none then. */
  set(deed: Deed, to: string): void {
    for (const d of deeds) if (to && d !== deed && this.map[d] === to) this.map[d] = '';
    this.map[deed] = to;
    this.#store();
  }

  reset(): void {
    this.map = { ...defaults };
    this.#store();
  }

  press(e: KeyboardEvent): void {
    const pressed = chord(e);
    if (!pressed || e.defaultPrevented || e.repeat || e.isComposing || document.querySelector('dialog[open]')) return;
    if (types(pressed) && writes(e.target)) return;
    const deed = deeds.find((d) => this.map[d] === pressed);
    if (!deed) return;
    for (const f of [...(this.#doers.get(deed) ?? [])].reverse()) {
      if (f() === false) continue;
      e.preventDefault();
      return;
    }
  }

  #store(): void {
    try {
      localStorage.setItem(STORED, JSON.stringify(Object.fromEntries(deeds.filter((d) => this.map[d] !== defaults[d]).map((d) => [d, this.map[d]]))));
    } catch {
      // they last as long as the page
    }
  }
}

function read(): Partial<Record<Deed, string>> {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(STORED) ?? '{}');
    return Object.fromEntries(Object.entries(kept as object).filter(([d, c]) => d in defaults && typeof c === 'string'));
  } catch {
    return {};
  }
}

export const keys = new Keys();
