// Drives a phone made of JsSIP alone in Chromium, for jssip_test.go: it registers
// over SIP by WebSocket, again after a reload of its page, answers one call, hears
// the caller, holds and resumes, presses keys both ways (RFC 4733, INFO) and waits
// for the end. It says what it does on stdout.
// Argument: {base, login, password, mic, hz}.
import { createRequire } from 'node:module';

const modules = createRequire(new URL('../web/ui/package.json', import.meta.url));
const { chromium } = modules('@playwright/test');
const { rolldown } = await import(modules.resolve('rolldown'));
const given = JSON.parse(process.argv[2]);

const bundle = await rolldown({ input: modules.resolve('jssip'), platform: 'browser', logLevel: 'silent' });
const { output } = await bundle.generate({ format: 'iife', name: 'JsSIP' });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-dev-shm-usage', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
    `--use-file-for-fake-audio-capture=${given.mic}`, '--autoplay-policy=no-user-gesture-required', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--no-first-run', '--ignore-certificate-errors',
  ],
});
const context = await browser.newContext({ bypassCSP: true, ignoreHTTPSErrors: true });
const page = await context.newPage();
page.on('pageerror', (err) => console.log('script:', err.message));

async function register() {
  await page.addScriptTag({ content: output[0].code });
  await page.evaluate(
    ({ login, password }) =>
      new Promise((done, fail) => {
        const socket = new JsSIP.WebSocketInterface(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/sip`);
        const ua = (globalThis.ua = new JsSIP.UA({ sockets: [socket], uri: `sip:${login}@${location.hostname}`, password, session_timers: false }));
        ua.on('registered', done);
        ua.on('registrationFailed', (e) => fail(new Error(e.cause)));
        ua.on('newRTCSession', ({ session }) => {
          globalThis.session = session;
          session.on('peerconnection', ({ peerconnection }) =>
            peerconnection.addEventListener('track', (e) => {
              globalThis.remoteTrack = e.track;
              globalThis.player = new Audio();
              globalThis.player.srcObject = new MediaStream([e.track]);
              void globalThis.player.play();
            }));
          session.on('ended', () => (globalThis.over = true));
          session.on('failed', (e) => (globalThis.over = e.cause));
          session.answer({ mediaConstraints: { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false }, video: false } });
        });
        ua.start();
      }),
    given,
  );
}

async function hears(when, frames) {
  const seen = await page.evaluate(async ({ hz, frames }) => {
    const pause = (ms) => new Promise((ok) => setTimeout(ok, ms));
    const context = (globalThis.ears ??= new AudioContext());
    const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
    context.createMediaStreamSource(new MediaStream([globalThis.remoteTrack])).connect(analyser);
    let good = 0, last = 0;
    for (const end = Date.now() + 15_000; good < frames && Date.now() < end; await pause(100)) {
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      last = (bins.indexOf(Math.max(...bins)) * context.sampleRate) / analyser.fftSize;
      good = Math.abs(last - hz) < 30 ? good + 1 : 0;
    }
    return { good: good >= frames, last };
  }, { hz: given.hz, frames });
  if (!seen.good) throw new Error(`${when} it hears ${seen.last} Hz, want ${given.hz}`);
  console.log(`${when} it hears ${Math.round(seen.last)} Hz`);
}

const holds = (way) => page.evaluate((way) => new Promise((done, fail) => session[way]({}, done) || fail(new Error(way))), way);
const presses = (keys, transportType) =>
  page.evaluate(({ keys, transportType }) => session.sendDTMF(keys, { transportType, duration: 120, interToneGap: 120 }), { keys, transportType });

try {
  await page.goto(`${given.base}/call`);
  await register();
  await page.reload(); // the flow of before is gone without a word
  await register();
  console.log('REGISTERED');
  await page.waitForFunction(() => globalThis.remoteTrack && session.isEstablished(), null, { timeout: 30_000 });
  await hears('first', 25);
  await holds('hold');
  console.log('HELD');
  await page.waitForTimeout(500);
  await holds('unhold');
  await hears('after the hold', 10);
  await presses('*48', 'RFC2833');
  console.log('PRESSED by RFC 4733');
  await page.waitForTimeout(2000);
  await presses('*48', 'INFO');
  console.log('PRESSED by INFO');
  await page.waitForFunction(() => globalThis.over, null, { timeout: 20_000 });
  console.log('OVER');
} catch (err) {
  console.log('failed:', err.message, await page.evaluate(() => String(globalThis.over)).catch(() => ''));
  process.exitCode = 1;
}
await browser.close();
process.exit();
