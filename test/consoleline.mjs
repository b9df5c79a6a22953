// Drives the phone of the console in Chromium, which reaches the server through a
// relay, for turn_test.go. It says READY when it is registered, CUT when it hears
// the player and may use every address from then on, and after the answer on stdin
// hears him again by a restart of ICE. Its last line is JSON.
// Argument: {base, mic, hz}.
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
  ],
});
const page = await (await browser.newContext({ locale: 'en-GB' })).newPage();
const problems = [];
page.on('pageerror', (err) => problems.push(err.message));
await page.addInitScript(() => {
  localStorage.setItem('pickup.lang', 'en');
  globalThis.policy = 'relay';
  const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
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
});
const hears = (limit) =>
  page.evaluate(async ({ hz, limit }) => {
    const pause = (ms) => new Promise((ok) => setTimeout(ok, ms));
    const context = (globalThis.ears ??= new AudioContext());
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    let good = 0, last = 0, joined = false;
    for (const end = Date.now() + limit; good < 20 && Date.now() < end; await pause(100)) {
      if (!joined && globalThis.remoteTrack) joined = !!context.createMediaStreamSource(new MediaStream([globalThis.remoteTrack])).connect(analyser);
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      last = (bins.indexOf(Math.max(...bins)) * context.sampleRate) / analyser.fftSize;
      good = Math.abs(last - hz) < 30 && Math.max(...bins) > -70 ? good + 1 : 0;
    }
    if (good < 20) throw new Error(`it hears ${last} Hz, want ${hz}`);
  }, { hz: given.hz, limit });
const pair = () =>
  page.evaluate(async () => {
    const stats = new Map([...(await globalThis.peers.at(-1).getStats()).entries()]);
    for (const s of stats.values()) {
      if (s.type === 'transport' && s.selectedCandidatePairId) return stats.get(stats.get(s.selectedCandidatePairId).localCandidateId).candidateType;
    }
    return '';
  });
try {
  await page.goto(given.base);
  await page.locator('input').first().fill('1001');
  await page.locator('input[type=password]').fill('demo-1001');
  await page.locator('button[type=submit]').click();
  await page.getByRole('button', { name: 'Connect', exact: true }).click();
  await page.locator('.phone input').fill('demo-1001');
  await page.locator('.phone button[type=submit]').click();
  await page.getByText('Ready for calls').waitFor({ timeout: 10_000 });
  console.log('READY');
  await page.getByRole('button', { name: 'Answer' }).click({ timeout: 30_000 });
  await hears(20_000);
  const first = await pair();
  await page.evaluate(() => (globalThis.policy = 'all'));
  console.log('CUT');
  await stdin.next();
  const since = Date.now();
  for (const end = Date.now() + 30_000; (await pair()) === 'relay' && Date.now() < end; ) await page.waitForTimeout(100);
  await hears(40_000);
  const saw = { first, then: await pair(), peers: await page.evaluate(() => globalThis.peers.length), ms: Date.now() - since };
  await page.getByRole('button', { name: 'Hang up' }).first().click();
  await page.getByRole('button', { name: 'Disconnect' }).waitFor({ timeout: 10_000 });
  console.log(JSON.stringify({ ...saw, problems }));
} catch (err) {
  const states = await page.evaluate(() => globalThis.peers.map((p) => [p.iceConnectionState, p.signalingState, p.iceGatheringState])).catch(() => []);
  console.error(err.message, JSON.stringify(states), problems.join('; '), await page.locator('.phone').innerText().catch(() => ''));
  process.exitCode = 1;
}
await browser.close();
process.exit();
