// <script async src="https://support.example/widget.js"></script>
// <player-support lang="fr" token="JWT of the operator's site"></player-support>
//
// One custom element with an open shadow root. Its styles are constructable
// sheets, which the host page's Content-Security-Policy does not block; the
// host needs script-src and connect-src for our origin.

import { mount, unmount } from 'svelte';
import css from './widget.css?inline';
import Widget from './Widget.svelte';

const script = document.currentScript as HTMLScriptElement | null;
const base = script?.src ? new URL(script.src).origin : '';

class PlayerSupport extends HTMLElement {
  static observedAttributes = ['token'];
  #app: { signIn: (token: string) => void } | undefined;

  connectedCallback(): void {
    if (this.#app) return;
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    this.#app = mount(Widget, {
      target: root,
      props: {
        base,
        lang: this.getAttribute('lang') || document.documentElement.lang || navigator.language,
        identity: this.getAttribute('token') ?? '',
        queues: (this.getAttribute('queues') ?? '').split(',').map((q) => q.trim()).filter(Boolean),
      },
    });
  }

  attributeChangedCallback(): void {
    this.#app?.signIn(this.getAttribute('token') ?? '');
  }

  disconnectedCallback(): void {
    // A page that moves the element takes it out and in again at once.
    queueMicrotask(() => {
      if (this.isConnected || !this.#app) return;
      void unmount(this.#app);
      this.#app = undefined;
    });
  }
}

if (!customElements.get('player-support')) customElements.define('player-support', PlayerSupport);
