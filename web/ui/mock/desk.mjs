// An agent's desk against a running demonstration: a visitor writes, the chat is
// offered, accepted and answered, both through a cut; a note, an edit and a merge.
// Usage: node mock/desk.mjs http://127.0.0.1:8080
import { chromium } from '@playwright/test';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const base = process.argv[2] ?? 'http://127.0.0.1:8080';
const out = fileURLToPath(new URL('../../../out/ui/', import.meta.url));
mkdirSync(out, { recursive: true });
const json = { 'Content-Type': 'application/json' };
const random = () => [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
const must = (ok, what) => {
  if (!ok) throw new Error(what);
};

async function visitor(text) {
  const opened = await fetch(`${base}/w/v1/chats`, { method: 'POST', headers: json, body: JSON.stringify({ key: random(), queue: 'support', language: 'en', name: 'Nina Weber', email: 'nina@example.org', text }) }).then((r) => r.json());
  const headers = { ...json, Authorization: `Bearer ${opened.token}` };
  return {
    ...opened,
    say: (words) => fetch(`${base}/w/v1/chats/${opened.id}/messages`, { method: 'POST', headers, body: JSON.stringify({ client_id: random(), text: words }) }).then((r) => must(r.ok, `the visitor cannot write: ${r.status}`)),
    heard: async () => {
      const list = await fetch(`${base}/w/v1/chats/${opened.id}/events?after=0`, { headers }).then((r) => r.json());
      return (list.events ?? list.items ?? []).filter((e) => e.type === 'message').map((e) => e.text);
    },
  };
}

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage', '--autoplay-policy=no-user-gesture-required', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'] });
const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1366, height: 768 } });
const page = await context.newPage();
page.on('pageerror', (err) => console.log('script:', err.message));
page.on('response', (r) => r.status() >= 400 && console.log(r.status(), r.request().method(), r.url().replace(base, '')));
try {
  await page.addInitScript(() => location.protocol.startsWith('http') && localStorage.setItem('pickup.lang', 'en'));
  await page.goto(base);
  await page.locator('input').first().fill('1001');
  await page.locator('input[type=password]').fill('demo-1001');
  await page.locator('button[type=submit]').click();
  await page.locator('[role=meter]').waitFor();
  const me = await page.evaluate(() => fetch('/api/v1/me').then((r) => r.json()));
  await page.evaluate((id) => fetch(`/api/v1/agents/${id}/state`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '{"state":"ready"}' }), me.id);
  const nina = await visitor('My deposit is missing');
  await page.getByRole('button', { name: 'Accept', exact: true }).click({ timeout: 20_000 });
  await page.locator('[role=log]').getByText('My deposit is missing').waitFor();
  const box = page.locator('textarea');
  const send = async (words) => {
    await box.fill(words);
    await page.keyboard.press('Enter');
  };
  await send('Hello Nina');
  await page.locator('.line.agent', { hasText: 'Hello Nina' }).waitFor();
  await context.setOffline(true);
  await send('one');
  await send('two');
  await page.locator('.unsent').nth(1).waitFor();
  await nina.say('are you there?');
  const here = page.url();
  await page.reload({ timeout: 3000 }).catch(() => {}); // while nothing answers
  await context.setOffline(false);
  await page.goto(here);
  await page.locator('.line.agent', { hasText: 'two' }).waitFor({ timeout: 30_000 });
  await page.waitForFunction(() => !document.querySelector('.unsent'), undefined, { timeout: 30_000 });
  await page.locator('[role=log]').getByText('are you there?').waitFor();
  const want = ['My deposit is missing', 'Hello Nina', 'are you there?', 'one', 'two'];
  const shown = await page.locator('[role=log] .line p').allTextContents();
  const heard = await nina.heard();
  must(JSON.stringify(shown) === JSON.stringify(heard), `the agent sees ${shown}, the visitor ${heard}`);
  must(JSON.stringify([...shown].sort()) === JSON.stringify([...want].sort()), `not each once: ${shown}`);
  must(shown.indexOf('one') < shown.indexOf('two'), 'order');
  // a note as a draft, through a reload
  await page.getByRole('tab', { name: 'Note' }).click();
  await box.fill('asked the bank');
  await page.getByText('Draft saved').waitFor();
  await page.reload();
  await page.getByRole('tab', { name: 'Note' }).click();
  must((await box.inputValue()) === 'asked the bank', 'the draft is gone');
  await page.getByRole('button', { name: 'Save note' }).click();
  await page.locator('li.note', { hasText: 'asked the bank' }).waitFor();
  // a picture of the facts before and after an edit on an old version
  await page.getByRole('button', { name: 'Edit' }).click();
  const id = page.url().split('/').at(-1);
  const other = await page.evaluate(async (ticket) => {
    const now = await fetch(`/api/v1/tickets/${ticket}`).then((r) => r.json());
    return (await fetch(`/api/v1/tickets/${ticket}`, { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ version: now.version, subject: 'Deposit of 50' }) })).status;
  }, id);
  must(other === 200, `the other edit: ${other}`);
  await page.getByLabel('Category').selectOption('deposit');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByText('Somebody changed the ticket meanwhile').waitFor();
  await page.screenshot({ path: `${out}real-crossed.png`, fullPage: true });
  await page.getByRole('button', { name: 'Save over it' }).click();
  await page.getByText('Deposit', { exact: true }).first().waitFor();
  await page.getByRole('button', { name: 'Offer a call' }).first().click();
  await page.getByText('A call was offered').first().waitFor();
  await page.screenshot({ path: `${out}real-desk.png`, fullPage: true });
  // the visitor takes the call: it rings, and his ticket opens before the answer
  await page.goto(`${base}/work`);
  await page.locator('.phone').getByRole('button', { name: 'Connect' }).click();
  await page.locator('.phone input').fill('demo-1001');
  await page.locator('.phone').getByRole('button', { name: 'Connect' }).click();
  await page.getByText('Ready for calls').waitFor({ timeout: 15_000 });
  const caller = await (await browser.newContext()).newPage();
  await caller.goto(`${base}/call`);
  const status = await caller.evaluate(async (token) => {
    const pc = (window.pc = new RTCPeerConnection());
    for (const track of (await navigator.mediaDevices.getUserMedia({ audio: true })).getTracks()) pc.addTrack(track);
    await pc.setLocalDescription();
    await new Promise((done) => (pc.iceGatheringState === 'complete' ? done() : (pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done())));
    const answer = await fetch(`/w/v1/calls?chat=${encodeURIComponent(token)}`, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp });
    if (answer.ok) await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    return answer.status;
  }, nina.token);
  must(status === 201, `the visitor's call: ${status}`);
  await page.getByText('is calling').waitFor({ timeout: 15_000 });
  await page.waitForURL(new RegExp(`/tickets/${id}`));
  await page.screenshot({ path: `${out}real-pop.png` });
  await page.getByRole('button', { name: 'Answer', exact: true }).click();
  await page.locator('.phone').getByRole('button', { name: 'Hang up' }).waitFor({ timeout: 15_000 });
  await page.locator('.phone').getByRole('button', { name: 'Hang up' }).click();
  await page.locator('li.call').waitFor({ timeout: 15_000 });
  await page.screenshot({ path: `${out}real-call.png`, fullPage: true });
  await page.locator('.box a[href^="/contacts/"]').click();
  await page.getByText('Known by').waitFor();
  await page.screenshot({ path: `${out}real-contact.png`, fullPage: true });
  await page.goto(`${base}/tickets?q=deposit`);
  await page.locator('tbody tr').first().waitFor();
  await page.screenshot({ path: `${out}real-tickets.png`, fullPage: true });
  await page.goto(`${base}/work`);
  await page.locator('[role=meter]').waitFor();
  await page.screenshot({ path: `${out}real-work.png`, fullPage: true });
  console.log('the desk is well');
} catch (err) {
  console.error(err.message);
  await page.screenshot({ path: `${out}real-desk-fault.png`, fullPage: true });
  process.exitCode = 1;
} finally {
  await browser.close();
}
