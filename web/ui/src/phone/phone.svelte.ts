// The agent's browser phone: SIP over WebSocket (RFC 7118) by JsSIP, loaded when
// it is first wanted. It lives outside the pages, so navigation drops no call,
// and it keeps the password in memory only.

import { clock } from '../lib/clock.svelte';
import type { UA } from 'jssip';
import type { RTCSession } from 'jssip/lib/RTCSession';
import { api } from '../lib/api';
import { useServers } from '../lib/ice';
import { microphoneThere, voice, watchMicrophone } from '../lib/microphone';
import { ring } from '../ui/ring';

export type PhoneState = 'off' | 'registering' | 'registered' | 'failed' | 'lost' | 'elsewhere';
export type LineState = 'none' | 'ringing' | 'talking' | 'held';

const HOLD_AGAIN_MS = 200;
const DISCONNECTED_MS = 2000; // a change of networks shows so for a while
const RESTART_AGAIN_MS = 4000;

/** Keeps the media of a call over changes of the network, by restarts of ICE. */
class Network {
  servers: RTCIceServer[] = [];
  #peer: RTCPeerConnection | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** connected: whether a request would get out. */
  constructor(private readonly connected: () => boolean) {}

  /** Asks for the relays; an older answer serves until the next one comes. */
  async learn(): Promise<void> {
    try {
      this.servers = (await api.iceServers()).items;
    } catch {
      // the server is away: it is asked again at the next restart
    }
  }

  keep(session: RTCSession, peer: RTCPeerConnection): void {
    this.drop();
    this.#peer = peer;
    peer.addEventListener('iceconnectionstatechange', () => {
      if (peer !== this.#peer) return;
      clearTimeout(this.#timer);
      const lost = peer.iceConnectionState;
      if (lost === 'failed') void this.#restart(session, peer);
      else if (lost === 'disconnected') this.#timer = setTimeout(() => void this.#restart(session, peer), DISCONNECTED_MS);
    });
  }

  drop(): void {
    clearTimeout(this.#timer);
    this.#peer = undefined;
  }

  // JsSIP ends a call whose re-INVITE does not get out: it is sent when the
  // socket stands, and asked again until the audio does.
  async #restart(session: RTCSession, peer: RTCPeerConnection): Promise<void> {
    if (peer !== this.#peer || session.isEnded()) return;
    if (['connected', 'completed'].includes(peer.iceConnectionState)) return;
    if (this.connected()) {
      await this.learn();
      if (peer !== this.#peer || session.isEnded()) return;
      useServers(peer, this.servers);
      session.renegotiate({ rtcOfferConstraints: { iceRestart: true } });
    }
    this.#timer = setTimeout(() => void this.#restart(session, peer), RESTART_AGAIN_MS);
  }
}

class Phone {
  state = $state<PhoneState>('off');
  line = $state<LineState>('none');
  who = $state('');
  muted = $state(false);
  since = $state(0);
  noMicrophone = $state(false);
  microphoneLost = $state(false);

  #ua: UA | undefined;
  #session: RTCSession | undefined;
  #quiet: (() => void) | undefined;
  #unlock: (() => void) | undefined;
  #audio = new Audio();
  #held: boolean | undefined; // what was asked and is not so yet
  #later: ReturnType<typeof setTimeout> | undefined;
  #network = new Network(() => this.#ua?.isConnected() ?? false);
  #unhear: (() => void) | undefined; // ends the watch of the microphone
  #there = true; // there is a microphone to speak into
  #unlook: (() => void) | undefined;

  /** Registers as login; one tab at a time. */
  async connect(login: string, password: string): Promise<void> {
    this.disconnect();
    this.state = 'registering';
    if (!(await this.#own())) {
      this.state = 'elsewhere';
      return;
    }
    const { default: JsSIP } = await import('jssip');
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(`${scheme}://${location.host}/sip`)],
      uri: `sip:${login}@${location.hostname}`,
      authorization_user: login,
      password,
      session_timers: false,
      register_expires: 120,
      user_agent: 'Pickup console',
    });
    this.#ua = ua;
    this.noMicrophone = false;
    this.#unlook = microphoneThere((there) => {
      this.#there = there;
      this.noMicrophone = false; // what failed before may work now
    });
    // The server asks every few seconds: an answer says that this page lives, and
    // whether it could be spoken into. Who cannot be heard is offered no call.
    ua.on('newOptions', (e: unknown) => {
      const { originator, message } = e as { originator: string; message: { accept(o: { extraHeaders: string[] }): void } };
      if (originator === 'remote') message.accept({ extraHeaders: [`X-Pickup-Microphone: ${this.#there && !this.noMicrophone ? 'working' : 'lost'}`] });
    });
    ua.on('registered', () => {
      this.state = 'registered';
      void this.#network.learn();
    });
    ua.on('registrationFailed', ({ response }) => {
      if (ua !== this.#ua) return;
      if (response && [401, 403, 407].includes(response.status_code)) {
        this.disconnect();
        this.state = 'failed';
      } else this.state = 'lost';
    });
    ua.on('disconnected', () => {
      if (ua === this.#ua) this.state = 'lost';
    });
    ua.on('newRTCSession', ({ session, originator }: { session: RTCSession; originator: string }) => {
      if (String(originator) === 'remote') this.#offered(session);
    });
    ua.start();
  }

  /** Signs the phone off; a call in progress ends. */
  disconnect(): void {
    const ua = this.#ua;
    this.#ua = undefined;
    ua?.stop();
    this.#unlook?.();
    this.#unlook = undefined;
    this.#clear();
    this.#unlock?.();
    this.#unlock = undefined;
    this.state = 'off';
  }

  answer(): void {
    this.noMicrophone = false;
    this.#session?.answer({
      mediaConstraints: { audio: voice, video: false },
      pcConfig: { bundlePolicy: 'max-bundle', iceServers: this.#network.servers },
    });
  }

  /** Refuses what rings (603), or ends the call. */
  hangUp(): void {
    const session = this.#session;
    if (!session || session.isEnded()) return this.#clear();
    session.terminate(this.line === 'ringing' ? { status_code: 603, reason_phrase: 'Decline' } : undefined);
  }

  toggleMute(): void {
    if (this.muted) this.#session?.unmute({ audio: true });
    else this.#session?.mute({ audio: true });
    this.muted = !this.muted;
  }

  /** Holds or resumes; what is asked while the phone still negotiates the last one is done after it. */
  toggleHold(): void {
    if (!this.#session) return;
    this.#held = !(this.#held ?? this.line === 'held');
    this.#agree();
  }

  // JsSIP refuses a re-INVITE while another is under way.
  #agree(): void {
    clearTimeout(this.#later);
    const session = this.#session;
    if (!session || this.#held === undefined) return;
    const held = session.isOnHold().local;
    if (held === this.#held) {
      this.#held = undefined;
      return;
    }
    const done = () => session === this.#session && this.#agree();
    if (!(held ? session.unhold({}, done) : session.hold({}, done))) this.#later = setTimeout(done, HOLD_AGAIN_MS);
  }

  press(key: string): void {
    // RFC 4733 inside the audio. JsSIP's own name for it is that of RFC 2833.
    this.#session?.sendDTMF(key, { transportType: 'RFC2833' as never, duration: 120, interToneGap: 70 });
  }

  #offered(session: RTCSession): void {
    if (this.#session && !this.#session.isEnded()) {
      session.terminate({ status_code: 486, reason_phrase: 'Busy Here' });
      return;
    }
    this.#session = session;
    this.who = session.remote_identity.display_name || session.remote_identity.uri.user || '';
    this.line = 'ringing';
    this.#quiet = ring();
    const mine = () => session === this.#session;
    // The server knows us by what we send: an answer need not wait for every address.
    session.on('icecandidate', ({ ready }: { ready: () => void }) => ready());
    session.on('peerconnection', ({ peerconnection }: { peerconnection: RTCPeerConnection }) => {
      this.#network.keep(session, peerconnection);
      peerconnection.addEventListener('track', ({ track, streams }) => {
        this.#audio.srcObject = streams[0] ?? new MediaStream([track]);
        void this.#audio.play().catch(() => {}); // the answer was a gesture
      });
    });
    session.on('getusermediafailed', () => (this.noMicrophone = true));
    session.on('confirmed', () => {
      if (!mine()) return;
      this.#hush();
      this.#listen(session.connection);
      this.line = 'talking';
      this.since = clock.server();
    });
    session.on('accepted', () => this.#hush());
    session.on('hold', () => mine() && (this.line = 'held'));
    session.on('unhold', () => mine() && (this.line = 'talking'));
    session.on('ended', () => mine() && this.#clear());
    session.on('failed', () => mine() && this.#clear());
  }

  // Says when the microphone is gone, and speaks into the next one.
  #listen(peer: RTCPeerConnection): void {
    const sender = peer.getSenders().find((s) => s.track?.kind === 'audio');
    if (!sender?.track) return;
    this.#unhear?.();
    this.#unhear = watchMicrophone(new MediaStream([sender.track]), () => sender, (lost) => (this.microphoneLost = lost));
  }

  #hush(): void {
    this.#quiet?.();
    this.#quiet = undefined;
  }

  #clear(): void {
    this.#hush();
    clearTimeout(this.#later);
    this.#held = undefined;
    this.#unhear?.();
    this.#unhear = undefined;
    this.microphoneLost = false;
    this.#network.drop();
    this.#session = undefined;
    this.#audio.srcObject = null;
    this.line = 'none';
    this.muted = false;
    this.who = '';
  }

  // Web Locks: the phone rings in one tab of the browser.
  #own(): Promise<boolean> {
    if (!navigator.locks) return Promise.resolve(true);
    return new Promise((resolve) => {
      void navigator.locks.request('pickup.phone', { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        return lock ? new Promise<void>((done) => (this.#unlock = done)) : undefined;
      });
    });
  }
}

export const phone = new Phone();
