// A call between two browsers on a running demonstration: the player's page
// against the phone of the console. Usage: node mock/talk.mjs http://127.0.0.1:8080
// Each must hear the other's tone; then the page hangs up, and the call, its
// ticket and its recording are opened in the console. Needs sox.
import { chromium } from '@playwright/test';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const base = process.argv[2] ?? 'http://127.0.0.1:8080';
const out = fileURLToPath(new URL('../../../out/ui/', import.meta.url));
mkdirSync(out, { recursive: true });

const browsers = [];
async function person(hertz) {
  const wav = `${out}tone-${hertz}.wav`;
  execFileSync('sox', ['-n', '-r', '48000', '-c', '1', '-b', '16', wav, 'synth', '10', 'sine', String(hertz), 'vol', '0.3']);
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
      `--use-file-for-fake-audio-capture=${wav}`, '--autoplay-policy=no-user-gesture-required'],
  });
  browsers.push(browser);
  const page = await (await browser.newContext({ locale: 'en-GB', viewport: { width: 1366, height: 768 } })).newPage();
  page.on('pageerror', (err) => console.log('script:', err.message));
  page.on('console', (m) => m.type() === 'error' && console.log('console:', m.text()));
  // Processing made for voices would remove the tone, and the remote track is kept to be measured.
  await page.addInitScript(() => {
    localStorage.setItem('pickup.lang', 'en');
    const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = () => get({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    const Peer = RTCPeerConnection;
    globalThis.RTCPeerConnection = class extends Peer {
      constructor(...args) {
        super(...args);
        globalThis.peer = this;
        this.addEventListener('track', (e) => (globalThis.remoteTrack = e.track));
      }
    };
  });
  return page;
}

const heard = (page) =>
  page.evaluate(async () => {
    const context = (globalThis.ears ??= new AudioContext());
    const analyser = context.createAnalyser();
    analyser.fftSize = 8192;
    context.createMediaStreamSource(new MediaStream([globalThis.remoteTrack])).connect(analyser);
    await new Promise((done) => setTimeout(done, 600));
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const best = bins.indexOf(Math.max(...bins));
    return { hertz: Math.round((best * context.sampleRate) / analyser.fftSize), decibels: Math.round(bins[best]) };
  });

async function hears(page, who, hertz) {
  const end = Date.now() + 15_000;
  let got;
  do got = await heard(page);
  while (Math.abs(got.hertz - hertz) > 30 && Date.now() < end);
  if (Math.abs(got.hertz - hertz) > 30) throw new Error(`${who} hears ${JSON.stringify(got)}, want ${hertz} Hz`);
  console.log(`${who} hears ${got.hertz} Hz at ${got.decibels} dB`);
}

try {
  const [player, agent] = [await person(1000), await person(2000)];
  await agent.goto(base);
  await agent.locator('input').first().fill('1001');
  await agent.locator('input[type=password]').fill('demo-1001');
  await agent.locator('button[type=submit]').click();
  await agent.getByRole('button', { name: 'Connect', exact: true }).click();
  await agent.locator('.phone input').fill('demo-1001');
  await agent.locator('.phone button[type=submit]').click();
  await agent.getByText('Ready for calls').waitFor({ timeout: 10_000 });
  console.log('the phone of 1001 is registered');

  await player.goto(`${base}/call`);
  await player.locator('button[type=submit]').click();
  await agent.getByRole('button', { name: 'Answer' }).click({ timeout: 20_000 });
  await player.getByText(/You are talking to/).waitFor({ timeout: 15_000 });
  console.log('talking:', await player.locator('h1').textContent());
  await hears(player, 'the player', 2000);
  await hears(agent, 'the agent', 1000);
  await player.screenshot({ path: `${out}real-player.png` });
  await agent.screenshot({ path: `${out}real-agent.png` });

  await player.reload();
  await player.getByText(/You are talking to/).waitFor({ timeout: 15_000 });
  await hears(player, 'the player after a reload', 2000);
  await hears(agent, 'the agent after the reload', 1000);

  await agent.locator('section.phone').getByRole('button', { name: 'Hold' }).click();
  await player.getByText(/on hold/).waitFor({ timeout: 10_000 });
  await agent.locator('section.phone').getByRole('button', { name: 'Resume' }).click();
  await player.getByText(/You are talking to/).waitFor({ timeout: 10_000 });
  await hears(player, 'the player after the hold', 2000);

  await player.getByRole('button', { name: 'Hang up' }).click();
  await player.getByText('The call has ended').waitFor();
  await agent.getByRole('button', { name: 'Disconnect' }).waitFor({ timeout: 10_000 });
  await agent.goto(`${base}/calls`);
  await agent.locator('tbody a').first().click();
  await agent.locator('canvas').waitFor({ timeout: 15_000 });
  await agent.screenshot({ path: `${out}real-call.png`, fullPage: true });
  await agent.locator('dd a[href^="/tickets/"]').click();
  await agent.locator('h1').waitFor();
  await agent.locator('canvas').waitFor({ timeout: 15_000 });
  await agent.screenshot({ path: `${out}real-ticket.png`, fullPage: true });
  console.log('call, recording and ticket open');

  // A promise: the agent is not ready, the page asks to be called back, and rings.
  const state = (value) => agent.evaluate(async (wanted) => {
    const me = await (await fetch('/api/v1/me')).json();
    const answer = await fetch(`/api/v1/agents/${me.id}/state`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(wanted) });
    if (!answer.ok) throw new Error(await answer.text());
  }, value);
  await agent.locator('nav a[href="/live"]').click();
  await agent.getByRole('button', { name: 'Connect', exact: true }).click();
  await agent.locator('.phone input').fill('demo-1001');
  await agent.locator('.phone button[type=submit]').click();
  await agent.getByText('Ready for calls').waitFor({ timeout: 10_000 });
  await state({ state: 'not_ready', reason: 'break' });
  await player.getByRole('button', { name: 'Call again' }).click();
  await player.locator('button[type=submit]').click();
  await player.waitForFunction(() => globalThis.peer?.connectionState === 'connected');
  await player.getByRole('button', { name: 'Call me back' }).click({ timeout: 15_000 });
  await player.getByText('We will call you back').waitFor();
  await player.reload();
  await player.getByText('We will call you back').waitFor();
  await state({ state: 'ready' });
  await player.getByRole('button', { name: 'Accept' }).click({ timeout: 20_000 });
  await agent.getByRole('button', { name: 'Answer' }).click({ timeout: 20_000 });
  await player.getByText(/You are talking to/).waitFor({ timeout: 15_000 });
  await hears(player, 'the player called back', 2000);
  await hears(agent, 'the agent of the callback', 1000);
  await player.getByRole('button', { name: 'Hang up' }).click();
  await player.getByText('The call has ended').waitFor({ timeout: 10_000 });
  await agent.getByRole('button', { name: 'Disconnect' }).waitFor({ timeout: 10_000 });
  console.log('called back');
} catch (err) {
  for (const [i, b] of browsers.entries()) await b.contexts()[0]?.pages()[0]?.screenshot({ path: `${out}real-fault-${i}.png` });
  console.error(err.message);
  process.exitCode = 1;
} finally {
  for (const b of browsers) await b.close();
}
