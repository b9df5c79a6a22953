// Drives Chromium as a player on /call whose addresses are limited, for
// turn_test.go. It says what it saw as its last line of JSON.
// Argument: {base, mic, hz, policy, seconds, cut}. policy is that of RTCConfiguration
// (relay, all). hz is what the player shall hear. With cut it says CUT on stdout,
// may use every address from then on, and hears hz again after the answer on stdin.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const { chromium } = createRequire(new URL('../web/ui/package.json', import.meta.url))('@playwright/test');
const given = JSON.parse(process.argv[2]);
const stdin = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-dev-shm-usage', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
    `--use-file-for-fake-audio-capture=${given.mic}`, '--autoplay-policy=no-user-gesture-required', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--no-first-run', '--ignore-certificate-errors',
  ],
});
const page = await browser.newPage({ locale: 'en-GB' });
const problems = [];
page.on('pageerror', (err) => problems.push(err.message));
await page.addInitScript((policy) => {
  globalThis.policy = policy;
  const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  // The test's tone must not be taken for noise.
  navigator.mediaDevices.getUserMedia = () => get({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  const Peer = RTCPeerConnection;
  globalThis.peers = [];
  globalThis.RTCPeerConnection = class extends Peer {
    constructor(config) {
      super({ ...config, iceTransportPolicy: globalThis.policy });
      globalThis.peers.push(this);
      this.addEventListener('track', (e) => (globalThis.remoteTrack = e.track));
    }
    setConfiguration(config) {
      super.setConfiguration({ ...config, iceTransportPolicy: globalThis.policy });
    }
  };
}, given.policy);

// The frequency that is heard, until it is the wanted one for a while.
const hears = (limit) =>
  page.evaluate(async ({ hz, limit, seconds }) => {
    const pause = (ms) => new Promise((ok) => setTimeout(ok, ms));
    const context = (globalThis.ears ??= new AudioContext());
    const end = Date.now() + limit;
    let analyser, track, good = 0, last = 0;
    const need = seconds * 10;
    while (good < need && Date.now() < end) {
      await pause(100);
      if (globalThis.remoteTrack && globalThis.remoteTrack !== track) {
        track = globalThis.remoteTrack;
        analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
        context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
      }
      if (!analyser) continue;
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      last = (bins.indexOf(Math.max(...bins)) * context.sampleRate) / analyser.fftSize;
      good = Math.abs(last - hz) < 30 && Math.max(...bins) > -70 ? good + 1 : 0;
    }
    return { good: good >= need, last };
  }, { hz: given.hz, limit, seconds: given.seconds });

// The candidate of ours that is in use.
const pair = () =>
  page.evaluate(async () => {
    const peer = globalThis.peers.at(-1);
    const stats = new Map([...(await peer.getStats()).entries()]);
    for (const s of stats.values()) {
      if (s.type !== 'transport' || !s.selectedCandidatePairId) continue;
      const p = stats.get(s.selectedCandidatePairId);
      const local = stats.get(p.localCandidateId);
      return { type: local.candidateType, protocol: local.relayProtocol ?? local.protocol, address: `${local.address}:${local.port}`, peers: globalThis.peers.length };
    }
    return {};
  });

try {
  await page.goto(`${given.base}/call?queue=support&lang=en`);
  await page.locator('button[type=submit]').click();
  const first = await hears(25_000);
  if (!first.good) throw new Error(`it hears ${first.last} Hz, want ${given.hz}`);
  let saw = await pair();
  if (given.cut) {
    await page.evaluate(() => (globalThis.policy = 'all'));
    console.log('CUT');
    await stdin.next();
    const since = Date.now();
    for (const end = Date.now() + 30_000; (await pair()).type === 'relay' && Date.now() < end; ) await page.waitForTimeout(100);
    const again = await hears(40_000);
    if (!again.good) throw new Error(`after the cut it hears ${again.last} Hz, want ${given.hz}`);
    saw = { first: saw, ...(await pair()), ms: Date.now() - since };
  }
  await page.getByRole('button', { name: /hang up/i }).click();
  await page.waitForTimeout(300);
  console.log(JSON.stringify({ ...saw, problems }));
} catch (err) {
  const states = await page.evaluate(() => globalThis.peers.map((p) => [p.iceConnectionState, p.connectionState, p.iceGatheringState, JSON.stringify(p.getConfiguration().iceServers)])).catch(() => []);
  console.error(err.message, JSON.stringify(states), problems.join('; '));
  process.exitCode = 1;
}
await browser.close();
process.exit();
