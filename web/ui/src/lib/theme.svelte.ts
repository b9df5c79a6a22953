// Light, dark, or as the system says.

export type ThemeChoice = 'system' | 'light' | 'dark';

const KEY = 'pickup.theme';

class Theme {
  choice = $state<ThemeChoice>('system');

  constructor() {
    try {
      const stored = localStorage.getItem(KEY);
      if (stored === 'light' || stored === 'dark') this.choice = stored;
    } catch {
      // no storage: as the system says
    }
    this.#apply();
  }

  /** Goes to the next choice: system, light, dark. */
  next(): void {
    this.choice = this.choice === 'system' ? 'light' : this.choice === 'light' ? 'dark' : 'system';
    try {
      localStorage.setItem(KEY, this.choice);
    } catch {
      // no storage: for this page only
    }
    this.#apply();
  }

  #apply(): void {
    if (this.choice === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = this.choice;
  }
}

export const theme = new Theme();
