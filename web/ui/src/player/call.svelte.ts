// The player's call: WHIP-like HTTP offer and answer (RFC 9725), events by SSE.
//
// One PlayerCall is one page. It owns the microphone, the peer connection and
// the stream of events, and lets all of them go in one place (#release).

import { Backoff } from '../lib/backoff';
import { offerCodecs } from './codecs';
import { iceServers, useServers } from '../lib/ice';
import { voice } from '../lib/microphone';
import type { Watch } from '../lib/microphone';
import { ending, KEEP_MS, microphoneFailure, offerFailure, parseKept, retryAfter } from './rules';
import type { Meter } from './level';
import type { Ending, Failure, Kept } from './rules';

export type Phase =
  | 'idle'
  | 'permission' // the browser asks for the microphone
  | 'connecting' // offer sent
  | 'live' // the server has the call: see state
  | 'callback' // we promised to call back on this page
  | 'ringing' // the promised call rings here
  | 'ended'
  | 'failed';

/** An event of the call's stream. Absent fields have not changed. */
interface CallEvent {
  type?: string;
  state?: string;
  position?: number;
  estimate_low_ms?: number;
  estimate_high_ms?: number;
  agent?: string;
  agents_on_duty?: number;
  callback_offered?: boolean;
  end_reason?: string;
  silent?: boolean;
  resume?: string;
}

const STORE = 'pickup.call';

export class PlayerCall {
  phase = $state.raw<Phase>('idle');
  state = $state.raw('new');
  position = $state.raw(0);
  estimateLow = $state.raw(0);
  estimateHigh = $state.raw(0);
  agent = $state.raw('');
  agentsOnDuty = $state.raw<number | null>(null);
  callbackOffered = $state.raw(false);
  callbackRefused = $state.raw<'' | 'open' | 'reach' | 'other' | 'cancel'>('');
  muted = $state.raw(false);
  microphoneLost = $state.raw(false);
  silent = $state.raw(false); // the server hears nothing
  needsTap = $state.raw(false);
  reconnecting = $state.raw(false);
  resuming = $state.raw(false);
  canDial = $state.raw(false);
  level = $state.raw(0);
  startedAt = $state.raw(0);
  talkSince = $state.raw(0);
  talkMs = $state.raw(0);
  failure = $state.raw<Failure>('away');
  ended = $state.raw<Ending>('server');
  retryIn = $state.raw(10);

  #audio: HTMLAudioElement | undefined;
  #peer: RTCPeerConnection | undefined;
  #microphone: MediaStream | undefined;
  #events: EventSource | undefined;
  #unwatch: (() => void) | undefined; // ends the meter
  #unhear: (() => void) | undefined; // ends the watch of the microphone
  #iceTimer: ReturnType<typeof setTimeout> | undefined;
  #streamTimer: ReturnType<typeof setTimeout> | undefined;
  #streamBackoff = new Backoff();
  #iceBackoff = new Backoff(1000, 8000);
  #lostAt = 0;
  #location = '';
  #token = '';
  #queue = '';
  #lang = '';
  #generation = 0; // of attempts: a late answer of an older one is dropped

  /**
   * base: origin of the server, "" when the page is the server's own. meter, if any,
   * follows the level of the microphone. watch finds another microphone for one that
   * is gone; without it (the widget has no room for it) the player only reads so.
   */
  constructor(
    private readonly base = '',
    private readonly meter?: Meter,
    private readonly watch?: Watch,
  ) {}

  /** What a second page needs to go on with this call in writing, "" without one. */
  get token(): string {
    return this.#token;
  }

  /** Gives the page's audio element; remote audio plays there. */
  attach(audio: HTMLAudioElement): void {
    this.#audio = audio;
  }

  /** What an earlier life of this page left, or null. */
  static kept(): Kept | null {
    try {
      return parseKept(sessionStorage.getItem(STORE), Date.now());
    } catch {
      return null;
    }
  }

  /** Calls a queue. */
  async start(queue: string, lang: string): Promise<void> {
    await this.#begin('queue', queue, queue, lang);
  }

  /** Goes on with a conversation by voice: on its ticket, to its agent if he is free. */
  async startFromChat(chatToken: string, queue: string, lang: string): Promise<void> {
    await this.#begin('chat', chatToken, queue, lang);
  }

  async #begin(by: string, value: string, queue: string, lang: string): Promise<void> {
    this.#forget();
    this.#queue = queue;
    this.#lang = lang;
    this.startedAt = this.talkMs = this.talkSince = 0;
    await this.#offer(`${new URLSearchParams({ [by]: value, lang })}`, false);
  }

  /** Goes back to the call, or to the promise of one, of an earlier life. */
  async resume(kept: Kept): Promise<void> {
    this.#queue = kept.queue;
    this.#lang = kept.lang;
    this.#token = kept.token;
    if (kept.callback) {
      this.#location = kept.location;
      this.phase = 'callback';
      this.#listen();
      return;
    }
    this.resuming = true;
    await this.#offer(`resume=${encodeURIComponent(kept.token)}`, true);
    this.resuming = false;
  }

  /** Takes the call that rings here. */
  async accept(): Promise<void> {
    await this.#offer(`resume=${encodeURIComponent(this.#token)}`, true);
  }

  /** Does not take it now: the promise stands, it rings again later. */
  refuse(): void {
    this.#tellGone();
    this.phase = 'callback';
  }

  /** Cancels the promise; hanging up never does. */
  async cancelCallback(): Promise<void> {
    this.callbackRefused = '';
    try {
      const answer = await fetch(`${this.#location}/callback`, { method: 'DELETE' });
      if (answer.ok || answer.status === 404) this.#finish('cancelled');
      else this.callbackRefused = 'cancel';
    } catch {
      this.callbackRefused = 'cancel';
    }
  }

  /** Hangs up, or leaves the queue. */
  hangUp(): void {
    const talked = this.talkSince > 0 || this.talkMs > 0;
    this.#tellGone();
    this.#finish(talked ? 'talk' : 'left');
  }

  /** Gives up an attempt that has not reached the server. */
  cancel(): void {
    if (this.#location) this.#tellGone();
    this.#release();
    this.#forget();
    this.phase = 'idle';
  }

  /** Back to the choice of a subject. */
  reset(): void {
    this.#release();
    this.phase = 'idle';
  }

  /** Silences the microphone, or opens it again. */
  toggleMute(): void {
    this.muted = !this.muted;
    for (const track of this.#microphone?.getAudioTracks() ?? []) track.enabled = !this.muted;
  }

  /** Sends a key to the server as RFC 4733 tones. */
  press(key: string): void {
    const dtmf = this.#peer?.getSenders().find((s) => s.track?.kind === 'audio')?.dtmf;
    if (dtmf?.canInsertDTMF) dtmf.insertDTMF(key, 120, 70);
  }

  /** A gesture of the player: the sound may start. */
  async listen(): Promise<void> {
    try {
      await this.#audio?.play();
      this.needsTap = false;
    } catch {
      this.needsTap = true;
    }
  }

  /** Asks to be called back in the place held. */
  async askCallback(): Promise<void> {
    this.callbackRefused = '';
    try {
      const answer = await fetch(`${this.#location}/callback`, { method: 'POST' });
      if (answer.ok) {
        // Hanging up frees the line at once, so that the promised call can ring
        // here; the screen says what the announcement would.
        this.#tellGone();
        this.#promised();
      } else if (answer.status === 409) this.callbackRefused = 'open';
      else this.callbackRefused = answer.status === 422 ? 'reach' : 'other';
    } catch {
      this.callbackRefused = 'other';
    }
  }

  /** The page goes away, perhaps only to be reloaded: the place is kept. */
  away(): void {
    if (!this.#location || this.phase === 'ended' || this.phase === 'failed') return;
    this.#keep();
    if (this.phase === 'live') navigator.sendBeacon(`${this.#location}/away`);
  }

  // ---- one offer ----

  async #offer(query: string, resuming: boolean): Promise<void> {
    this.#release();
    const generation = ++this.#generation;
    this.phase = 'permission';
    this.muted = false;
    if (!globalThis.isSecureContext) return this.#fail('insecure');
    if (!navigator.mediaDevices?.getUserMedia || !globalThis.RTCPeerConnection) return this.#fail('unsupported');

    let microphone: MediaStream;
    try {
      microphone = await navigator.mediaDevices.getUserMedia({ audio: voice });
    } catch (err) {
      if (generation === this.#generation) this.#fail(microphoneFailure((err as DOMException).name));
      return;
    }
    if (generation !== this.#generation) {
      for (const track of microphone.getTracks()) track.stop();
      return;
    }
    for (const track of microphone.getTracks()) track.onended = () => this.#microphoneIs(true);
    this.#microphone = microphone;
    this.#measure();
    this.#unhear = this.watch?.(microphone, () => this.#peer?.getSenders()[0], (lost) => this.#microphoneIs(lost));
    this.phase = 'connecting';

    const peer = this.#newPeer(microphone);
    let offer: RTCSessionDescriptionInit;
    let answer: Response;
    try {
      // The addresses are looked for afterwards, with the relays that the answer
      // names; the server, which has one address, needs none of ours beforehand.
      offer = await peer.createOffer();
      answer = await this.#send('POST', `${this.base}/w/v1/calls?${query}`, offer.sdp ?? '');
    } catch {
      if (generation === this.#generation) this.#fail('away');
      return;
    }
    if (generation !== this.#generation) return;
    if (!answer.ok) {
      this.retryIn = retryAfter(answer.headers.get('Retry-After'));
      return this.#fail(offerFailure(answer.status, resuming));
    }
    this.#location = this.#absolute(answer.headers.get('Location') ?? '');
    this.#token = answer.headers.get('Pickup-Resume') ?? this.#token;
    try {
      await this.#agree(peer, offer, answer);
    } catch {
      if (generation !== this.#generation) return;
      this.#tellGone();
      return this.#fail('media');
    }
    if (generation !== this.#generation) return;
    this.#live();
  }

  #live(): void {
    this.phase = 'live';
    this.state = 'new';
    this.callbackRefused = '';
    if (!this.startedAt) this.startedAt = Date.now();
    this.#dials();
    this.#keep();
    this.#listen();
  }

  #newPeer(microphone: MediaStream): RTCPeerConnection {
    const peer = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.#peer = peer;
    for (const track of microphone.getAudioTracks()) {
      const transceiver = peer.addTransceiver(track, { direction: 'sendrecv', streams: [microphone] });
      offerCodecs(transceiver);
    }
    peer.ontrack = ({ track, streams }) => {
      if (!this.#audio) return;
      this.#audio.srcObject = streams[0] ?? new MediaStream([track]);
      void this.listen();
    };
    peer.oniceconnectionstatechange = () => this.#iceChanged(peer);
    return peer;
  }

  #dials(): void {
    this.canDial = !!this.#peer?.getSenders().some((s) => s.dtmf?.canInsertDTMF);
  }

  #measure(): void {
    this.#unwatch?.();
    this.#unwatch = this.meter?.(this.#microphone!, (level) => (this.level = this.muted ? 0 : level));
  }

  // Said to the player, and to the server, which notes it in the call.
  #microphoneIs(lost: boolean): void {
    this.microphoneLost = lost;
    this.#measure();
    if (this.phase === 'live') navigator.sendBeacon(`${this.#location}/microphone`, JSON.stringify({ lost }));
  }

  /** Puts an offer and its answer into force. */
  async #agree(peer: RTCPeerConnection, offer: RTCSessionDescriptionInit, answer: Response): Promise<void> {
    const sdp = await answer.text();
    useServers(peer, iceServers(answer.headers.get('Link')));
    await peer.setLocalDescription(offer);
    await peer.setRemoteDescription({ type: 'answer', sdp });
  }

  /** The call's address, as seen from the page of another origin. */
  #absolute(location: string): string {
    return this.base && location.startsWith('/') ? this.base + location : location;
  }

  #send(method: string, url: string, sdp: string): Promise<Response> {
    return fetch(url, { method, body: sdp, headers: { 'Content-Type': 'application/sdp' } });
  }

  // ---- keeping the line ----

  #iceChanged(peer: RTCPeerConnection): void {
    if (peer !== this.#peer || this.phase !== 'live') return;
    clearTimeout(this.#iceTimer);
    switch (peer.iceConnectionState) {
      case 'connected':
      case 'completed':
        this.#dials();
        this.reconnecting = false;
        this.#lostAt = 0;
        this.#iceBackoff.reset();
        break;
      case 'disconnected':
        // 5 to 10 s of it are normal when a phone changes networks.
        this.#iceTimer = setTimeout(() => void this.#restart(peer), 2000);
        break;
      case 'failed':
        void this.#restart(peer);
        break;
    }
  }

  async #restart(peer: RTCPeerConnection): Promise<void> {
    if (peer !== this.#peer || this.phase !== 'live') return;
    this.reconnecting = true;
    this.#lostAt ||= Date.now();
    if (Date.now() - this.#lostAt > KEEP_MS) return this.#lost('media');
    try {
      if (await this.#renew(peer)) return this.#lost('gone');
    } catch {
      if (peer !== this.#peer) return;
      if (peer.signalingState === 'have-local-offer') await peer.setLocalDescription({ type: 'rollback' }).catch(() => {});
      this.#iceTimer = setTimeout(() => void this.#restart(peer), this.#iceBackoff.next());
    }
  }

  // Looks for the way to the server anew; true: the call is no more.
  async #renew(peer: RTCPeerConnection): Promise<boolean> {
    const offer = await peer.createOffer({ iceRestart: true });
    const answer = await this.#send('PATCH', this.#location, offer.sdp ?? '');
    if (peer !== this.#peer) return false;
    if (answer.status === 404 || answer.status === 410) return true;
    if (!answer.ok) throw new Error(`restart: ${answer.status}`);
    await this.#agree(peer, offer, answer);
    return false;
  }

  #lost(failure: Failure): void {
    this.#forget();
    this.#fail(failure);
  }

  // ---- events ----

  #listen(): void {
    this.#events?.close();
    const location = this.#location;
    if (!location) return;
    const source = new EventSource(`${location}/events`);
    this.#events = source;
    source.onopen = () => {
      this.#streamBackoff.reset();
      if (this.phase === 'live' && !this.#lostAt) this.reconnecting = false;
    };
    source.onmessage = (e) => this.#heard(e.data as string);
    for (const name of ['state', 'place', 'agent', 'callback', 'callback.ringing', 'ended']) {
      source.addEventListener(name, (e) => this.#heard((e as MessageEvent<string>).data, name));
    }
    source.onerror = () => {
      if (source !== this.#events) return;
      if (this.phase === 'live') this.reconnecting = true;
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again itself
      this.#streamTimer = setTimeout(() => void this.#listenAgain(location), this.#streamBackoff.next());
    };
  }

  // EventSource hides the status: ask for it before opening the stream again.
  async #listenAgain(location: string): Promise<void> {
    if (location !== this.#location) return;
    const stop = new AbortController();
    try {
      const answer = await fetch(`${location}/events`, { signal: stop.signal, headers: { Accept: 'text/event-stream' } });
      stop.abort();
      if (location !== this.#location) return;
      if (answer.status === 404 || answer.status === 410) {
        const talked = this.talkSince > 0 || this.talkMs > 0;
        return this.phase === 'live' && !talked ? this.#lost('gone') : this.#finish(talked ? 'talk' : 'server');
      }
    } catch {
      // the server is away: opening the stream fails and comes back here
    }
    this.#listen();
  }

  #heard(data: string, name = ''): void {
    let e: CallEvent;
    try {
      e = JSON.parse(data) as CallEvent;
    } catch {
      return;
    }
    if (name === 'callback.ringing' || e.type === 'callback.ringing' || e.state === 'callback.ringing') {
      if (e.resume) this.#token = e.resume;
      if (this.phase === 'callback') this.phase = 'ringing';
      return;
    }
    if (this.phase === 'ringing' && (e.state === 'callback' || e.type === 'callback.missed')) this.phase = 'callback';
    if (e.silent !== undefined && e.silent !== this.silent) {
      this.silent = e.silent;
      if (e.silent && this.#peer) void this.#renew(this.#peer).catch(() => {}); // perhaps only the way to the server is gone
    }
    if (e.position !== undefined) this.position = e.position;
    if (e.estimate_low_ms !== undefined) this.estimateLow = e.estimate_low_ms;
    if (e.estimate_high_ms !== undefined) this.estimateHigh = e.estimate_high_ms;
    if (e.agent !== undefined) this.agent = e.agent;
    if (e.agents_on_duty !== undefined) this.agentsOnDuty = e.agents_on_duty;
    if (e.callback_offered !== undefined) this.callbackOffered = e.callback_offered;
    if (e.state && this.phase === 'live') this.#moved(e.state, e.end_reason ?? '');
    else if (e.state === 'ended' && this.phase === 'callback' && e.end_reason && e.end_reason !== 'callback_requested') {
      this.#finish('server');
    }
  }

  #moved(state: string, reason: string): void {
    if (state === 'callback') return this.#promised();
    if (state === 'ended') {
      if (reason === 'callback_requested') return this.#promised();
      return this.#finish(ending(reason, this.talkSince > 0 || this.talkMs > 0));
    }
    if (state === 'talking' && !this.talkSince) this.talkSince = Date.now();
    this.state = state;
  }

  #promised(): void {
    this.#dropMedia();
    this.phase = 'callback';
    this.#keep();
  }

  // ---- the end ----

  #tellGone(): void {
    if (this.#location) void fetch(this.#location, { method: 'DELETE', keepalive: true }).catch(() => {});
  }

  #finish(how: Ending): void {
    if (this.talkSince) this.talkMs = Date.now() - this.talkSince;
    this.#release();
    this.#forget();
    this.ended = how;
    this.phase = 'ended';
  }

  #fail(failure: Failure): void {
    this.#release();
    if (failure === 'gone' || failure === 'queue') this.#forget();
    this.failure = failure;
    this.phase = 'failed';
  }

  #release(): void {
    this.#generation++;
    clearTimeout(this.#streamTimer);
    this.#events?.close();
    this.#events = undefined;
    this.#location = '';
    this.#dropMedia();
    this.talkSince = 0;
    this.agent = '';
    this.agentsOnDuty = null;
    this.position = 0;
    this.estimateLow = this.estimateHigh = 0;
    this.callbackOffered = false;
  }

  #dropMedia(): void {
    clearTimeout(this.#iceTimer);
    this.#unhear?.();
    this.microphoneLost = this.silent = false;
    this.#unwatch?.();
    this.#unwatch = undefined;
    this.level = 0;
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
    this.#microphone = undefined;
    this.#peer?.close();
    this.#peer = undefined;
    if (this.#audio) this.#audio.srcObject = null;
    this.reconnecting = false;
    this.needsTap = false;
    this.#lostAt = 0;
  }

  #keep(): void {
    if (!this.#token) return;
    const kept: Kept = {
      token: this.#token,
      location: this.#location,
      queue: this.#queue,
      lang: this.#lang,
      at: Date.now(),
      callback: this.phase === 'callback' || this.phase === 'ringing',
      talked: this.talkSince > 0,
    };
    try {
      sessionStorage.setItem(STORE, JSON.stringify(kept));
    } catch {
      // no storage: a reload starts anew
    }
  }

  #forget(): void {
    this.#token = '';
    try {
      sessionStorage.removeItem(STORE);
    } catch {
      // no storage: nothing to forget
    }
  }
}
