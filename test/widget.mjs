// Drives two Chromium browsers that chat: the widget on the demonstration's
// casino page, and the console of an agent. Both reach the server through a line
// that this program cuts. It says on stdout what the test shall do ("KILL") and
// in the end, as one line of JSON, what each page shows. The test answers KILL
// with the server's address on stdin.
// Arguments: host:port of the server, seconds of the cut, picture's folder.
import { createRequire } from 'node:module';
import { connect, createServer } from 'node:net';
import { createInterface } from 'node:readline';

const { chromium } = createRequire(new URL('../web/ui/package.json', import.meta.url))('@playwright/test');
const [server, cutSeconds, pictures] = process.argv.slice(2);
const stdin = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const pause = (ms) => new Promise((ok) => setTimeout(ok, ms));

// ---- a line that can be cut: what is under way is lost, nothing new gets through ----
let target = server;
let isCut = false;
const links = new Set();
const line = createServer((client) => {
  if (isCut) return client.destroy();
  const [host, port] = target.split(':');
  const up = connect(Number(port), host);
  for (const s of [client, up]) {
    links.add(s);
    s.on('error', () => {});
    s.on('close', () => {
      links.delete(s);
      client.destroy();
      up.destroy();
    });
  }
  client.pipe(up).pipe(client);
});
await new Promise((ok) => line.listen(0, '127.0.0.1', ok));
const base = `http://127.0.0.1:${line.address().port}`;
function cut() {
  isCut = true;
  for (const s of links) s.destroy();
}

// ---- two people ----
const problems = [];
async function person(name) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] });
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1366, height: 768 } });
  await context.addInitScript(() => localStorage.setItem('pickup.lang', 'en'));
  const page = await context.newPage();
  page.on('pageerror', (err) => problems.push(`${name}: ${err.message}`));
  return { browser, context, page };
}
const [visitor, agent] = [await person('visitor'), await person('agent')];

await agent.page.goto(base);
await agent.page.locator('input').first().fill('1001');
await agent.page.locator('input[type=password]').fill('demo-1001');
await agent.page.locator('button[type=submit]').click();
await agent.page.locator('aside nav').waitFor();
await agent.page.evaluate(async () => {
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

await visitor.page.goto(`${base}/casino?lang=en`);
await visitor.page.getByRole('button', { name: 'Help', exact: true }).click();
await visitor.page.getByRole('button', { name: 'Chat', exact: true }).click();
await visitor.page.getByLabel('Your message').fill('hello');
await visitor.page.getByRole('button', { name: 'Start the chat' }).click();

await agent.page.getByRole('button', { name: 'Accept', exact: true }).click({ timeout: 30_000 });
const room = agent.page.getByRole('log');
await room.waitFor({ timeout: 20_000 });
const agentBox = agent.page.locator('textarea').first();
const visitorBox = () => visitor.page.getByLabel('Your message');

const visitorSays = async (text) => {
  await visitorBox().fill(text);
  await visitorBox().press('Enter');
};
const agentSays = async (text) => {
  await agentBox.fill(text);
  await agentBox.press('Enter');
};

// ---- twenty messages a side ----
const TOTAL = 20;
for (let i = 1; i <= TOTAL; i++) {
  if (i === 6) {
    cut();
    setTimeout(() => (isCut = false), Number(cutSeconds) * 1000);
  }
  if (i === 14) {
    while (isCut) await pause(200);
    process.stdout.write('KILL\n');
  }
  await Promise.all([visitorSays(`v${i}`), agentSays(`a${i}`)]);
  if (i === 14) target = (await stdin.next()).value.trim();
  if (i === 17) {
    await visitor.page.reload();
    await visitorBox().waitFor({ timeout: 20_000 });
  }
  await pause(150);
}
const second = await visitor.context.newPage();
await second.goto(`${base}/casino?lang=en`);
await second.getByRole('button', { name: 'Help', exact: true }).click();

// ---- what everybody sees ----
const inWidget = (page) =>
  page.evaluate(() => [...document.querySelector('player-support').shadowRoot.querySelectorAll('.line')]
    .filter((l) => l.dataset.by !== 'system' && l.dataset.seq !== '0').map((l) => l.querySelector('p').textContent));
const inConsole = () =>
  agent.page.evaluate(() => [...document.querySelectorAll('[role=log] .line')].filter((l) => !l.matches('.system, .unsent')).map((l) => l.querySelector('p').textContent));
const wanted = 2 * TOTAL + 1;
let seen;
for (const end = Date.now() + 60_000; Date.now() < end; await pause(500)) {
  if (!(await second.evaluate(() => document.querySelector('player-support')?.shadowRoot?.querySelector('.log')))) {
    await second.getByRole('button', { name: 'Chat', exact: true }).click().catch(() => {});
  }
  seen = { visitor: await inWidget(visitor.page), second: await inWidget(second), agent: await inConsole() };
  if (Object.values(seen).every((l) => l.length >= wanted)) break;
}
const reads = await agent.page.evaluate(async () => {
  const chats = await (await fetch('/api/v1/chats')).json();
  const tickets = await (await fetch(`/api/v1/tickets/${chats.items[0].ticket_id}/messages`)).json();
  return tickets.items.filter((m) => m.kind === 'customer' || m.kind === 'agent').map((m) => m.text);
});
if (pictures) {
  await visitor.page.screenshot({ path: `${pictures}/widget-chat.png` });
  await agent.page.screenshot({ path: `${pictures}/console-chat.png` });
}
process.stdout.write(`${JSON.stringify({ ...seen, api: reads, problems })}\n`);
await Promise.all([visitor.browser.close(), agent.browser.close()]);
process.exit(0);
