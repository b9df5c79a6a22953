// Drives Chromium as a player on /call, for browser_test.go. It says what it saw
// as one line of JSON. Arguments: base URL, microphone WAV, seconds to talk.
import { createRequire } from 'node:module';

const { chromium } = createRequire(new URL('../web/ui/package.json', import.meta.url))('@playwright/test');
const [base, wav, seconds, picture] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: [
    '--no-sandbox', '--disable-dev-shm-usage', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
    `--use-file-for-fake-audio-capture=${wav}`, '--autoplay-policy=no-user-gesture-required', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--no-first-run',
  ],
});
const page = await browser.newPage({ locale: 'en-GB' });
const problems = [];
page.on('pageerror', (err) => problems.push(err.message));
// The test's tone must not be taken for noise.
await page.addInitScript(() => {
  const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = () =>
    get({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
});
await page.goto(`${base}/call?queue=support&lang=en`);
await page.locator('button[type=submit]').click();
// What the player hears, 100 ms at a time: the loudest frequency.
const heard = await page.evaluate(async (seconds) => {
  const pause = (ms) => new Promise((ok) => setTimeout(ok, ms));
  const until = Date.now() + 40000;
  let stream;
  while (!(stream = document.querySelector('audio')?.srcObject) || stream.getAudioTracks().length === 0) {
    if (Date.now() > until) return [];
    await pause(50);
  }
  const context = new AudioContext();
  await context.resume();
  const analyser = new AnalyserNode(context, { fftSize: 8192, smoothingTimeConstant: 0 });
  context.createMediaStreamSource(stream).connect(analyser);
  const bins = new Float32Array(analyser.frequencyBinCount);
  const out = [];
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) {
    await pause(100);
    analyser.getFloatFrequencyData(bins);
    let best = 0;
    for (let i = 1; i < bins.length; i++) if (bins[i] > bins[best]) best = i;
    out.push({ hz: (best * context.sampleRate) / analyser.fftSize, db: bins[best] });
  }
  return out;
}, Number(seconds));
if (picture) await page.screenshot({ path: picture });
await page.getByRole('button', { name: /hang up/i }).click();
await page.waitForTimeout(500);
await browser.close();
console.log(JSON.stringify({ heard, problems }));
