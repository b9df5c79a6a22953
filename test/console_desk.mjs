// An agent's day at the console by its keys: a chat, the call of the same player
// with her ticket before the answer, what is said of it after, the mixed list of
// work, and her contact. For console_test.go.
import { api, given, looks, must, open, person, picture, run, stranger, until } from './people.mjs';

let agent, chief, nina, caller, ticket, other;
const json = { 'Content-Type': 'application/json' };
const random = () => crypto.randomUUID().replaceAll('-', '');
const state = async (wanted) => {
  const { id } = await api(agent, 'GET', '/api/v1/me');
  await until(`agent ${wanted}`, async () => (await api(agent, 'GET', `/api/v1/agents/${id}`)).state === wanted);
};
const focusIn = (page, selector) => page.waitForFunction((s) => document.activeElement?.closest(s) !== null, selector);

async function visitor(name, text) {
  const r = await fetch(`${given.base}/w/v1/chats`, { method: 'POST', headers: json, body: JSON.stringify({ key: random(), queue: 'support', language: 'en', name, text }) });
  must(r.ok, `a chat: ${r.status}`);
  return r.json();
}

// Calls as the widget does, and stays until the page is closed.
async function call(page, query) {
  const status = await page.evaluate(async (q) => {
    const pc = (window.pc = new RTCPeerConnection());
    for (const track of (await navigator.mediaDevices.getUserMedia({ audio: true })).getTracks()) pc.addTrack(track);
    await pc.setLocalDescription();
    await new Promise((done) => (pc.iceGatheringState === 'complete' ? done() : (pc.onicegatheringstatechange = () => pc.iceGatheringState === 'complete' && done())));
    const answer = await fetch(`/w/v1/calls?${q}`, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp });
    if (answer.ok) await pc.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    return answer.status;
  }, query);
  must(status === 201, `a call: ${status}`);
}

await run([
  ['? lists all keys; one is given another, kept through a reload, and not taken while writing', async () => {
    agent = await person('1001');
    await agent.keyboard.press('Shift+?');
    const help = agent.getByRole('dialog', { name: 'Keyboard' });
    await help.getByText('Answer, or accept what is offered').waitFor();
    await looks(agent, 'keys');
    await help.getByRole('button', { name: 'Change: Microphone off and on' }).click();
    await agent.keyboard.press('z');
    await help.getByRole('button', { name: 'Change: Microphone off and on' }).getByText('Z').waitFor();
    await agent.keyboard.press('Escape');
    await help.waitFor({ state: 'hidden' });
    await agent.reload();
    await agent.locator('main h1').waitFor();
    await agent.keyboard.press('/');
    await focusIn(agent, 'input[type=search]');
    await agent.keyboard.type('who?');
    must((await agent.getByRole('searchbox').inputValue()) === 'who?', 'a key was taken from who writes');
    must(!(await help.isVisible()), 'help opened while writing');
  }],
  ['a chat is offered without the focus, and accepted by its key', async () => {
    await open(agent, '/calls');
    await agent.locator('main select').first().focus();
    nina = await visitor('Nina Weber', 'My deposit is missing');
    await agent.getByRole('region', { name: 'Offers' }).getByText('Nina Weber').waitFor();
    await focusIn(agent, 'main select');
    await looks(agent, 'offer');
    await agent.locator('main select').first().focus();
    await agent.keyboard.press('Control+Space');
    await agent.waitForURL('**/tickets/*');
    ticket = new URL(agent.url()).pathname.split('/').at(-1);
    await agent.locator('[role=log]').getByText('My deposit is missing').waitFor();
    await agent.locator('main h1').click();
    await agent.keyboard.press('r');
    await focusIn(agent, 'textarea');
    await agent.keyboard.type('Hello Nina');
    await agent.keyboard.press('Control+Enter');
    await agent.locator('.line.agent', { hasText: 'Hello Nina' }).waitFor();
    await agent.keyboard.press('Escape'); // out of the text
    await agent.keyboard.press('i');
    await agent.getByRole('tab', { name: 'Note', selected: true }).waitFor();
    await looks(agent, 'chat');
    await agent.locator('textarea').focus();
    await agent.keyboard.press('Escape');
    await agent.keyboard.press('Escape');
    await agent.waitForURL('**/tickets');
    await agent.keyboard.press('n'); // my next work
    await agent.waitForURL(`**/tickets/${ticket}`);
    await agent.keyboard.press('Escape');
    await agent.keyboard.press('Alt+1');
    await agent.waitForURL(`**/tickets/${ticket}`);
  }],
  ['she calls: her ticket is open before anybody answers', async () => {
    chief = await person('2001');
    const contact = (await api(chief, 'GET', `/api/v1/tickets/${ticket}`)).contact_id;
    other = await api(chief, 'POST', '/api/v1/tickets', { contact_id: contact, subject: 'An older matter', queue: 'support' });
    await open(agent, '/work');
    await agent.locator('.phone').getByRole('button', { name: 'Connect' }).click();
    await agent.locator('.phone input').fill('demo-1001');
    await agent.locator('.phone').getByRole('button', { name: 'Connect' }).click();
    await agent.getByText('Ready for calls').waitFor();
    await agent.getByRole('link', { name: 'Work' }).focus();
    caller = await stranger();
    await call(caller, `chat=${encodeURIComponent(nina.token)}`);
    const pop = agent.getByRole('region', { name: 'Incoming call' });
    await pop.getByText('Nina Weber is calling').waitFor();
    await agent.waitForURL(`**/tickets/${ticket}`);
    await agent.getByRole('button', { name: 'Answer', exact: true }).waitFor(); // nobody has answered
    const told = await pop.innerText();
    for (const part of ['support', 'waited', 'English', 'last with Agent 1001', String(other.number)]) must(told.includes(part), `${part} is not told: ${told}`);
    await looks(agent, 'pop');
  }],
  ['answered, muted, held and ended by keys', async () => {
    await agent.keyboard.press('Control+Space');
    const panel = agent.locator('.phone');
    await panel.getByRole('button', { name: 'Hang up' }).waitFor();
    await agent.keyboard.press('z');
    await panel.getByRole('button', { name: 'Unmute', pressed: true }).waitFor();
    await agent.keyboard.press('z');
    await panel.getByRole('button', { name: 'Mute', pressed: false }).waitFor();
    await agent.keyboard.press('Control+Shift+H');
    await panel.getByRole('button', { name: 'Resume', pressed: true }).waitFor();
    await agent.keyboard.press('Control+Shift+H');
    await panel.getByRole('button', { name: 'Hold', pressed: false }).waitFor();
    // Who hangs up within two seconds did so by mistake, and the player waits on.
    await until('two seconds of talk', async () => (await api(agent, 'GET', '/api/v1/calls?limit=1')).items[0].talk_ms > 2500);
    await agent.getByRole('link', { name: 'Work' }).click();
    const held = agent.locator('section', { has: agent.getByRole('heading', { name: 'In progress' }) });
    await held.getByText('On the phone').waitFor();
    await picture(agent, 'work-in-call');
    await agent.keyboard.press('Control+e');
    await panel.getByRole('button', { name: 'Hang up' }).waitFor({ state: 'detached' });
  }],
  ['after the call: category, state, note and the ticket it belongs to, then ready', async () => {
    const wrap = agent.getByRole('region', { name: 'After the call' });
    await wrap.getByText(/left/).waitFor();
    await wrap.getByRole('link', { name: /Ticket \d+/ }).waitFor();
    await wrap.getByLabel('Joins another ticket').selectOption({ label: `${other.number} · An older matter` });
    await wrap.getByRole('link', { name: /An older matter/ }).waitFor();
    await wrap.getByLabel('Category').selectOption({ label: 'Withdrawal' });
    await wrap.getByText('Saved').waitFor();
    await wrap.getByLabel('Then the ticket is').selectOption({ label: 'Waiting for player' });
    await wrap.getByLabel('Note').fill('I promised an answer by tomorrow');
    await looks(agent, 'wrap');
    await until('a draft of the note', async () => (await api(agent, 'GET', `/api/v1/tickets/${other.id}/drafts`)).items.some((d) => d.body.includes('promised')));
    await wrap.getByRole('button', { name: 'Save, ready' }).click();
    await wrap.waitFor({ state: 'detached' });
    const now = await api(chief, 'GET', `/api/v1/tickets/${other.id}`);
    must(now.category === 'withdrawal' && now.state === 'pending_customer', `${now.category} ${now.state}`);
    must(now.messages.some((m) => m.kind === 'note' && m.text === 'I promised an answer by tomorrow'), 'the note is not in the ticket');
    must(now.interactions.some((i) => i.channel === 'call'), 'the call is not in the ticket');
    await state('ready');
    await caller.close();
  }],
  ['a call, a chat and a ticket wait in one list; J and K go through it', async () => {
    const me = (await api(agent, 'GET', '/api/v1/me')).id;
    await api(agent, 'PUT', `/api/v1/agents/${me}/state`, { state: 'not_ready', reason: 'break' });
    const late = await stranger();
    await call(late, 'queue=support');
    await visitor('Paul', 'Is anybody there?');
    await api(chief, 'POST', '/api/v1/tickets', { contact_id: (await api(chief, 'GET', `/api/v1/tickets/${ticket}`)).contact_id, subject: 'Her documents', queue: 'support' });
    await open(chief, '/work');
    const rows = chief.locator('main table').first().locator('tbody tr');
    await rows.filter({ hasText: 'Call' }).first().waitFor();
    await rows.filter({ hasText: 'Paul' }).getByText('Chat').first().waitFor();
    await rows.filter({ hasText: 'Her documents' }).getByText('Ticket').first().waitFor();
    const strip = chief.getByRole('list', { name: 'Waiting by channel' });
    for (const channel of ['Call', 'Chat', 'Ticket']) await strip.getByRole('listitem').filter({ hasText: `${channel} 1` }).waitFor();
    const order = await rows.locator('a').allInnerTexts();
    must(order.length === 3 && order[1] === 'Is anybody there?' && order[2] === 'Her documents', `another order: ${order}`);
    await chief.locator('main h1').click();
    await chief.keyboard.press('j');
    await chief.waitForFunction((text) => document.activeElement?.textContent === text, order[0]);
    await chief.keyboard.press('j');
    await chief.waitForFunction((text) => document.activeElement?.textContent === text, order[1]);
    await chief.keyboard.press('k');
    await chief.waitForFunction((text) => document.activeElement?.textContent === text, order[0]);
    await looks(chief, 'work');
    await late.close();
  }],
  ['the contact shows all that was between us, over all channels', async () => {
    await open(chief, `/tickets/${ticket}`);
    await chief.locator('.box a[href^="/contacts/"]').first().click();
    await chief.getByRole('heading', { level: 1, name: 'Nina Weber' }).waitFor();
    const all = chief.locator('section', { has: chief.getByRole('heading', { name: /All contacts, over all channels/ }) }).locator('tbody tr');
    await all.filter({ hasText: 'Chat' }).first().waitFor();
    await all.filter({ hasText: 'Call' }).filter({ hasText: 'Agent 1001' }).waitFor();
    const story = await api(chief, 'GET', `/api/v1/contacts/${new URL(chief.url()).pathname.split('/').at(-1)}`);
    must((await all.count()) === story.interactions.length, `${await all.count()} rows of ${story.interactions.length}`);
    await looks(chief, 'contact-all');
    await all.filter({ hasText: 'Call' }).getByRole('link').click();
    await chief.getByRole('heading', { level: 1, name: new RegExp(`^${other.number} · `) }).waitFor();
  }],
]);
