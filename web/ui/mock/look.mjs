// Opens every page in Chromium on the mock, keeps a picture of each in out/, and
// fails on an axe finding that is serious, on an error of a script, or when a
// page does not do what it should. Usage: npm run look [-- a name to look at].
import { chromium } from '@playwright/test';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { start } from './server.mjs';

const out = fileURLToPath(new URL('../../../out/ui/', import.meta.url));
mkdirSync(out, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const only = process.argv[2] ?? '';
const problems = [];
const mock = await start();
const flags = ['--no-sandbox', '--disable-dev-shm-usage', '--autoplay-policy=no-user-gesture-required', '--font-render-hinting=none'];
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [...flags, '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream'],
});

async function open(lang, scheme, size) {
  const context = await browser.newContext({ viewport: size, colorScheme: scheme, locale: lang === 'fr' ? 'fr-FR' : 'en-GB', timezoneId: 'Europe/Paris', bypassCSP: false, reducedMotion: 'reduce' });
  await context.addInitScript((l) => localStorage.getItem('pickup.lang') ?? localStorage.setItem('pickup.lang', l), lang);
  const page = await context.newPage();
  page.on('pageerror', (err) => problems.push(`script: ${err.message}`));
  page.on('console', (m) => /Content Security Policy/.test(m.text()) && problems.push(`csp: ${m.text()}`));
  return page;
}

async function look(page, name) {
  await page.screenshot({ path: `${out}${name}.png`, fullPage: true });
  const found = await page.evaluate(`${axe};axe.run(document,{runOnly:['wcag2a','wcag2aa']})`);
  for (const v of found.violations) {
    const line = `${name}: ${v.impact} ${v.id}: ${v.nodes.map((n) => n.target + ' ' + (n.any[0]?.message ?? '')).slice(0, 3).join(' | ')}`;
    if (v.impact === 'serious' || v.impact === 'critical') problems.push(line);
    else console.log(line);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  if (wide > 0) problems.push(`${name}: ${wide} px wider than the screen`);
}

const expectText = (page, text) => page.getByText(text).first().waitFor({ timeout: 5000 }).catch(() => problems.push(`no "${text}" at ${page.url()}`));

async function console_(lang, scheme, size, tag) {
  const page = await open(lang, scheme, size);
  mock.signedIn = null;
  await page.goto(mock.url);
  await page.locator('form').waitFor();
  await look(page, `signin-${tag}`);
  await page.locator('input').first().fill('admin');
  await page.locator('input[type=password]').fill('wrong');
  await page.locator('button[type=submit]').click();
  await page.locator('[role=alert]').waitFor();
  await page.locator('input[type=password]').fill('demo-admin');
  await page.locator('button[type=submit]').click();
  await page.locator('article').first().waitFor();
  await look(page, `live-${tag}`);
  await page.locator('article').nth(1).locator('a[href*="figure=abandoned"]').click();
  await page.waitForURL(/figure=abandoned/);
  await page.locator('table').waitFor();
  if ((await page.locator('tbody tr').count()) !== 2) problems.push(`${tag}: the list behind "abandoned" has not two rows`);
  for (const [name, path, sign] of [['agents', '/agents', 'table'], ['calls', '/calls', 'table'], ['call', '/calls/c5', 'ol'], ['tickets', '/tickets', 'table'],
    ['ticket', '/tickets/t1', 'canvas'], ['contact', '/contacts/p1', 'table'], ['work-all', '/work', 'table'], ['mailboxes', '/mailboxes', 'table'], ['recordings', '/recordings', 'table'], ['recording', '/recordings/r1', 'canvas'], ['callbacks', '/callbacks', 'table'],
    ['queues', '/queues', 'table'], ['queue', '/queues/support', 'form'], ['staffing', '/staffing/support', '.day'], ['users', '/users', 'table']]) {
    await page.goto(mock.url + path);
    await page.locator(sign).first().waitFor();
    if (name === 'recording') {
      await page.keyboard.press('Space');
      await page.waitForFunction(() => !document.querySelector('audio').paused && document.querySelector('audio').currentTime > 0.2);
      await page.keyboard.press('Space');
      await page.keyboard.press('ArrowRight');
      await page.keyboard.press('1');
      await page.waitForFunction(() => document.querySelector('audio').currentTime > 5);
    }
    if (name === 'staffing') {
      await page.getByRole('button', { name: lang === 'fr' ? 'Lancer' : 'Run', exact: true }).click();
      await expectText(page, lang === 'fr' ? 'rejouée' : 'run again');
    }
    await look(page, `${name}-${tag}`);
  }
  await page.goto(`${mock.url}/mailboxes`);
  await page.getByRole('button', { name: lang === 'fr' ? 'Nouvelle boîte' : 'New mailbox' }).click();
  await look(page, `mailbox-${tag}`);
  await page.goto(`${mock.url}/users`);
  await page.getByRole('button', { name: lang === 'fr' ? 'Nouvel utilisateur' : 'New user' }).click();
  await page.locator('form button[type=submit]').click();
  await expectText(page, lang === 'fr' ? 'Lettres minuscules, chiffres' : 'Lower-case letters, digits');
  if ((await page.locator('[aria-invalid]').count()) !== 3) problems.push(`${tag}: not three fields are marked`);
  await look(page, `user-${tag}`);
  await page.goto(mock.url);
  await page.locator('article').first().waitFor();
  mock.away = true;
  for (const s of mock.streams) s.destroy();
  await page.locator('.stale').waitFor({ timeout: 9000 });
  await look(page, `stale-${tag}`);
  mock.away = false;
  await page.locator('.stale').waitFor({ state: 'detached', timeout: 40_000 });
  await page.getByRole('button', { name: lang === 'fr' ? 'English' : 'Français' }).click();
  await expectText(page, lang === 'fr' ? 'Live queues' : 'Files en direct');
  await page.context().close();
}

// An agent's day: an offer, a chat, a reply that crosses another, a call.
async function agent(lang, scheme, size, tag) {
  const page = await open(lang, scheme, size);
  const say = (fr, en) => (lang === 'fr' ? fr : en);
  const button = (fr, en, exact = true) => page.getByRole('button', { name: say(fr, en), exact });
  Object.assign(mock, { signedIn: '1001', offered: [], me: {}, conflict: false, watchers: [] });
  await page.goto(`${mock.url}/`);
  await page.locator('[role=meter]').waitFor();
  if ((await page.locator('[role=meter]').getAttribute('aria-valuenow')) !== '67') problems.push(`${tag}: a chat and a mail are not 67 of 100`);
  await look(page, `work-${tag}`);
  mock.offer();
  await page.evaluate(() => document.querySelector('select').focus());
  mock.event('work', 'w9', { agent_id: 'u0' });
  await button('Accepter', 'Accept').waitFor();
  if (await page.evaluate(() => document.activeElement.tagName !== 'SELECT')) problems.push(`${tag}: an offer stole the focus`);
  if (!/^\(1\)/.test(await page.title())) problems.push(`${tag}: the title does not count the offer`);
  await look(page, `offer-${tag}`);
  await button('Accepter', 'Accept').click();
  await page.waitForURL(/tickets\/t1/);
  mock.watchers = [{ user_id: 'u2', name: 'Sonia Caron', typing: true, since: null }];
  mock.event('watchers', 't1');
  await expectText(page, 'Sonia Caron');
  mock.event('chat', 'i2', { kind: 'typing', ticket_id: 't1', agent_id: 'u0' });
  await expectText(page, say('Le visiteur écrit', 'The visitor is typing'));
  await page.locator('iframe').first().waitFor();
  await look(page, `desk-${tag}`);
  await button('Afficher les images', 'Show pictures').click();
  await page.getByRole('tab', { name: say('Réponse', 'Reply') }).click();
  await page.locator('textarea').fill('Un instant');
  await page.keyboard.press('Enter');
  await page.locator('.line.agent', { hasText: 'Un instant' }).waitFor();
  await page.waitForFunction(() => !document.querySelector('.unsent'));
  if (mock.lines.filter((e) => e.text === 'Un instant').length !== 1) problems.push(`${tag}: a chat message is not there once`);
  await button('Proposer un appel', 'Offer a call').first().click();
  if (!mock.said.includes('POST /api/v1/chats/i2/call')) problems.push(`${tag}: the call was not offered`);
  await page.locator('.panel select').first().selectOption({ label: say('E-mail', 'Email') });
  await page.locator('textarea').fill('Bonjour Léa, voici la suite.');
  mock.conflict = true;
  await button('Envoyer', 'Send').click();
  await page.locator('dialog[open]').waitFor();
  await look(page, `between-${tag}`);
  await button('Envoyer quand même', 'Send anyway').click();
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  await page.waitForFunction(() => document.querySelector('textarea').value === '');
  if (!mock.said.includes('PUT /api/v1/tickets/t1/drafts/agent')) problems.push(`${tag}: no draft was saved`);
  await page.getByRole('tab', { name: say('Appel', 'Call'), exact: true }).click();
  await expectText(page, '+33612345678');
  await button('Modifier', 'Edit').click();
  await look(page, `edit-${tag}`);
  mock.lines.splice(6);
  await page.goto(`${mock.url}/work`);
  await page.locator('[role=meter]').waitFor();
  mock.me = { state: 'reserved', call_id: 'c1' };
  mock.event('agent', 'u0');
  await page.waitForURL(/tickets\/t1/);
  await expectText(page, say('appelle', 'is calling'));
  await look(page, `pop-${tag}`);
  await page.context().close();
}

async function player(lang, scheme, size, tag) {
  const page = await open(lang, scheme, size);
  mock.callEvents = [];
  await page.goto(`${mock.url}/call`);
  await page.locator('.subject').first().waitFor();
  await look(page, `player-idle-${tag}`);
  await page.locator('button[type=submit]').click();
  await page.locator('.controls').waitFor();
  const sdp = mock.offers.at(-1);
  if (!/PCMA\/8000/.test(sdp) || /opus/i.test(sdp)) problems.push('the offer is not G.711 only');
  mock.tell('place', { state: 'waiting', position: 3, estimate_low_ms: 60_000, estimate_high_ms: 170_000, agents_on_duty: 0, callback_offered: true });
  await page.locator('.offer').waitFor();
  await page.locator('[aria-expanded]').click();
  await look(page, `player-waiting-${tag}`);
  await page.locator('[aria-expanded]').click();
  mock.said.length = 0;
  await page.reload(); // resumed by the token of the session
  await page.locator('.controls').waitFor();
  if (!mock.said.some((s) => s.endsWith('/away')) || !mock.said.some((s) => s.includes('resume=mock-token'))) problems.push(`reload did not resume: ${mock.said}`);
  mock.tell('agent', { state: 'talking', agent: 'Alice', position: 0 });
  await expectText(page, lang === 'fr' ? 'Vous parlez avec Alice' : 'You are talking to Alice');
  await page.locator('[aria-pressed]').last().click();
  await look(page, `player-talking-${tag}`);
  mock.tell('state', { state: 'ended', end_reason: 'answered' });
  await page.locator('.controls').waitFor({ state: 'detached' });
  await look(page, `player-ended-${tag}`);
  // a callback: asked, ringing, accepted
  mock.callEvents = [['place', { state: 'waiting', position: 1, callback_offered: true }]];
  await page.locator('.state button').click();
  await page.locator('button[type=submit]').click();
  await page.locator('.offer button').click();
  await expectText(page, lang === 'fr' ? 'Nous vous rappelons' : 'We will call you back');
  await look(page, `player-callback-${tag}`);
  mock.tell('callback.ringing', { timeout_ms: 25_000 });
  await page.locator('.big').waitFor();
  await look(page, `player-ringing-${tag}`);
  mock.callEvents = [['agent', { state: 'talking', agent: 'Alice' }]];
  await page.locator('.big').click();
  await expectText(page, 'Alice');
  await page.locator('.danger').click();
  // faults
  mock.offerStatus = 503;
  await page.locator('.state button').click();
  await page.locator('button[type=submit]').click();
  await page.locator('.disc.bad').waitFor();
  await look(page, `player-full-${tag}`);
  mock.offerStatus = 201;
  mock.away = true;
  await page.locator('.controls .primary').click();
  await expectText(page, lang === 'fr' ? 'Notre serveur ne répond pas' : 'Our server does not answer');
  mock.away = false;
  await page.evaluate(() => (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'))));
  await page.locator('.controls .primary').click();
  await expectText(page, lang === 'fr' ? 'Le microphone est bloqué' : 'The microphone is blocked');
  await look(page, `player-denied-${tag}`);
  await page.context().close();
}

const desk = { width: 1280, height: 800 };
const hand = { width: 390, height: 844 };
const runs = [
  ['console-fr-light', () => console_('fr', 'light', desk, 'fr-light')],
  ['console-en-dark', () => console_('en', 'dark', desk, 'en-dark')],
  ['console-fr-hand', () => console_('fr', 'dark', hand, 'fr-hand')],
  ['console-en-hand', () => console_('en', 'light', hand, 'en-hand')],
  ['agent-fr-light', () => agent('fr', 'light', { width: 1366, height: 768 }, 'fr-light')],
  ['agent-en-dark', () => agent('en', 'dark', { width: 1366, height: 768 }, 'en-dark')],
  ['agent-fr-hand', () => agent('fr', 'dark', hand, 'fr-hand')],
  ['player-fr-light', () => player('fr', 'light', hand, 'fr-light')],
  ['player-en-dark', () => player('en', 'dark', desk, 'en-dark')],
  ['player-fr-desk', () => player('fr', 'light', desk, 'fr-desk')],
  ['player-en-hand', () => player('en', 'dark', hand, 'en-hand')],
];
for (const [name, run] of runs) {
  if (!name.includes(only)) continue;
  await run().catch((err) => problems.push(`${name}: ${err.message.split('\n').slice(0, 3).join(' ')}`));
}
await browser.close();
mock.stop();
for (const p of problems) console.error(p);
console.log(problems.length ? `${problems.length} problems` : 'all pages are well');
process.exit(problems.length ? 1 : 0);
