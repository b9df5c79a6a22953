// Drives two Chromium browsers from chat to call and from call to chat: the
// widget on the demonstration's casino page, and the console of an agent whose
// phone is the browser's. Each hears the other's tone, measured. It says what it
// saw as one line of JSON. Arguments: base URL, the visitor's and the agent's
// microphone (WAV of 1000 and 2000 Hz), picture's folder.
import { createRequire } from 'node:module';

const { chromium } = createRequire(new URL('../web/ui/package.json', import.meta.url))('@playwright/test');
const [base, visitorWav, agentWav, pictures] = process.argv.slice(2);
const pause = (ms) => new Promise((ok) => setTimeout(ok, ms));
const problems = [];
const browsers = [];

async function person(name, wav) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream',
      `--use-file-for-fake-audio-capture=${wav}`, '--autoplay-policy=no-user-gesture-required'],
  });
  browsers.push(browser);
  const page = await (await browser.newContext({ locale: 'en-GB', viewport: { width: 1366, height: 768 } })).newPage();
  page.on('pageerror', (err) => problems.push(`${name}: ${err.message}`));
  // Processing made for voices would remove the tone, and the remote track is kept to be measured.
  await page.addInitScript(() => {
    localStorage.setItem('pickup.lang', 'en');
    const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = () => get({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
    const Peer = RTCPeerConnection;
    globalThis.RTCPeerConnection = class extends Peer {
      constructor(...args) {
        super(...args);
        this.addEventListener('track', (e) => (globalThis.remoteTrack = e.track));
      }
    };
  });
  return page;
}

async function hears(page, hertz) {
  let got;
  for (const end = Date.now() + 20_000; Date.now() < end; ) {
    got = await page.evaluate(async () => {
      if (!globalThis.remoteTrack) return { hertz: 0, decibels: -200 };
      const context = (globalThis.ears ??= new AudioContext());
      const analyser = new AnalyserNode(context, { fftSize: 8192 });
      context.createMediaStreamSource(new MediaStream([globalThis.remoteTrack])).connect(analyser);
      await new Promise((done) => setTimeout(done, 600));
      const bins = new Float32Array(analyser.frequencyBinCount);
      analyser.getFloatFrequencyData(bins);
      const best = bins.indexOf(Math.max(...bins));
      return { hertz: Math.round((best * context.sampleRate) / analyser.fftSize), decibels: Math.round(bins[best]) };
    });
    if (Math.abs(got.hertz - hertz) <= 30 && got.decibels > -60) return got;
  }
  throw new Error(`heard ${JSON.stringify(got)}, want ${hertz} Hz`);
}

let clicks = 0;
const click = async (where) => {
  await where.click({ timeout: 30_000 });
  clicks++;
};
const talk = async (heard) => {
  await visitor.getByText(/You are talking with/).waitFor({ timeout: 20_000 });
  heard.visitor = await hears(visitor, 2000);
  heard.agent = await hears(agent, 1000);
};
// What the agent's console is told, asked until it is as wanted.
const read = (path) => agent.evaluate(async (p) => (await (await fetch(p)).json()).items, path);
async function until(what, f) {
  let got;
  for (const end = Date.now() + 20_000; Date.now() < end; await pause(200)) if (await f((x) => (got = x))) return;
  throw new Error(`${what}: ${JSON.stringify(got)}`);
}
const myWork = async () => (await read('/api/v1/work')).map((w) => `${w.channel} ${w.state}`);
const worksOn = (want) => until(`work ${want}`, async (note) => String(note(await myWork())) === want);

const [visitor, agent] = [await person('visitor', visitorWav), await person('agent', agentWav)];
const inChat = (text) => visitor.locator('player-support .line', { hasText: text }).waitFor({ timeout: 20_000 });
const inConsole = (text) => agent.getByRole('log').getByText(text, { exact: true }).waitFor({ timeout: 20_000 });
const button = (page, name) => page.getByRole('button', { name, exact: true });
try {
  await agent.goto(base);
  await agent.locator('input').first().fill('1001');
  await agent.locator('input[type=password]').fill('demo-1001');
  await agent.locator('button[type=submit]').click();
  await button(agent, 'Connect').click();
  await agent.locator('.phone input').fill('demo-1001');
  await agent.locator('.phone button[type=submit]').click();
  await agent.getByText('Ready for calls').waitFor({ timeout: 20_000 });
  await agent.evaluate(async () => {
    const me = await (await fetch('/api/v1/me')).json();
    for (let i = 0; i < 50; i++) {
      const answer = await fetch(`/api/v1/agents/${me.id}/state`, {
        method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ state: 'ready' }),
      });
      if (answer.ok) return;
      await new Promise((ok) => setTimeout(ok, 200)); // the stream of the page is not open yet
    }
    throw new Error('the agent does not get ready');
  });

  // ---- from chat to call ----
  const toCall = {};
  await visitor.goto(`${base}/casino?lang=en`);
  await button(visitor, 'Help').click();
  await button(visitor, 'Chat').click();
  await visitor.getByLabel('Your message').fill('hello');
  await button(visitor, 'Start the chat').click();
  await button(agent, 'Accept').click({ timeout: 30_000 });
  await inConsole('hello');
  await worksOn('chat active');
  clicks = 0;
  await click(button(agent, 'Offer a call'));
  await click(button(visitor, 'Call now'));
  await click(button(agent, 'Answer'));
  toCall.clicks = clicks;
  await talk(toCall);
  await worksOn(''); // not in two places at once
  if (pictures) {
    await visitor.screenshot({ path: `${pictures}/chatcall-visitor.png` });
    await agent.screenshot({ path: `${pictures}/chatcall-agent.png` });
  }
  let [chat] = await read('/api/v1/chats');
  let [call] = await read('/api/v1/calls?state=live');
  toCall.same = chat.ticket_id === call.ticket_id && chat.call_id === call.id;
  await agent.locator('textarea').first().fill('beside the call');
  await agent.locator('textarea').first().press('Enter');
  await button(visitor, 'Write at the same time').click();
  await inChat('beside the call');
  if (await button(visitor, 'Call now').isVisible()) throw new Error('the offer stands though it was taken');
  await button(visitor, 'Back').click();
  await button(visitor, 'Call').click();
  await button(visitor, 'Hang up').click();
  await worksOn('chat active'); // his again
  await button(agent, 'End').click();
  await button(agent, 'End the chat').click();
  await worksOn('');
  toCall.left = (await read('/api/v1/chats')).length;

  // ---- from call to chat ----
  const toChat = {};
  await button(visitor, 'Call now').click();
  await button(agent, 'Answer').click({ timeout: 60_000 });
  await visitor.getByText(/You are talking with/).waitFor({ timeout: 20_000 });
  clicks = 0;
  await click(button(visitor, 'Write at the same time'));
  await inConsole('The conversation goes on in writing.'); // it came by itself
  toChat.clicks = clicks;
  await visitor.getByLabel('Your message').fill('the IBAN is FR76');
  await visitor.getByLabel('Your message').press('Enter');
  await inConsole('the IBAN is FR76');
  await agent.locator('textarea').first().fill('thank you');
  await agent.locator('textarea').first().press('Enter');
  await inChat('thank you');
  await worksOn('chat parked'); // beside the call, which takes all of him
  [chat] = await read('/api/v1/chats');
  await until('the call on the ticket of the chat', async (note) => {
    [call] = note(await read('/api/v1/calls?state=live'));
    return call?.ticket_id === chat.ticket_id;
  });
  toChat.same = call.ticket_id === chat.ticket_id;
  await button(visitor, 'Back').click();
  await button(visitor, 'Call').click();
  await talk(toChat);
  if (pictures) await agent.screenshot({ path: `${pictures}/callchat-agent.png` });
  await button(visitor, 'Hang up').click();
  await until('the call over', async (note) => note(await read('/api/v1/calls?state=live')).length === 0);
  await worksOn('chat active');
  await button(agent, 'End').click();
  await button(agent, 'End the chat').click();
  await worksOn('');
  toChat.left = (await read('/api/v1/chats')).length;

  // ---- after the end he goes on where he was, as the same visitor ----
  await button(visitor, 'Back').click();
  await button(visitor, 'Chat').click();
  await button(visitor, 'New chat').click();
  await visitor.getByLabel('Your message').fill('one thing more');
  await button(visitor, 'Start the chat').click();
  await button(agent, 'Accept').click({ timeout: 30_000 });
  await inConsole('one thing more');
  const [next] = await read('/api/v1/chats');
  const goesOn = next.ticket_id === chat.ticket_id && next.contact_id === chat.contact_id && next.id !== chat.id;
  process.stdout.write(`${JSON.stringify({ toCall, toChat, goesOn, problems })}\n`);
} catch (err) {
  if (pictures) for (const [i, b] of browsers.entries()) await b.contexts()[0].pages()[0].screenshot({ path: `${pictures}/chatcall-fault-${i}.png` });
  console.error(err);
  process.exitCode = 1;
} finally {
  for (const b of browsers) await b.close();
}
