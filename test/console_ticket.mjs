// A ticket at the console: duplicates, merge and undo, split, links, files,
// contacts, search. For console_test.go, which made the tickets in given.
import { readFileSync } from 'node:fs';
import { api, given, looks, must, open, person, picture, run } from './people.mjs';

let agent, chief;
const ticket = (which) => `/tickets/${given[which].id}`;
const said = (page, text) => page.locator('li.message').getByText(text, { exact: true });
const row = (page, text) => page.locator('section', { has: page.getByRole('heading', { name: 'Linked tickets' }) }).getByRole('listitem').filter({ hasText: text });

await run([
  ['sign in', async () => {
    agent = await person('1001');
    chief = await person('2001');
  }],
  ['a duplicate is suggested, with why, and merged from there', async () => {
    await open(agent, ticket('first'));
    const hint = agent.locator('.banner', { hasText: 'Perhaps the same matter' });
    await hint.getByText(`${given.twin.number} ·`).waitFor();
    must(/Score \d+/.test(await hint.textContent()) && (await hint.textContent()).includes('similar text'), `why: ${await hint.textContent()}`);
    await looks(agent, 'duplicate');
    await hint.getByRole('button', { name: 'Merge into this one' }).click();
    await agent.getByText(`Ticket ${given.twin.number} was merged into this one.`).waitFor();
    await said(agent, given.twinText).waitFor();
    await row(agent, String(given.twin.number)).getByText('Merged').waitFor();
    await picture(agent, 'merged');
  }],
  ['the merged one says so, and its merge is undone', async () => {
    await open(agent, ticket('twin'));
    await agent.getByText('This ticket is part of another.').waitFor();
    must((await agent.locator('textarea').count()) === 0, 'a merged ticket takes a reply');
    await agent.getByRole('button', { name: 'Undo' }).click();
    await agent.getByText('This ticket is part of another.').waitFor({ state: 'detached' });
    await said(agent, given.twinText).waitFor();
    await open(agent, ticket('first'));
    await said(agent, given.firstText).waitFor();
    must((await said(agent, given.twinText).count()) === 0, 'the message of the other stayed');
  }],
  ['merge by number, undone from the banner', async () => {
    await agent.getByLabel('Ticket number').fill(`#${given.twin.number}`);
    await agent.locator('form', { has: agent.getByLabel('Ticket number') }).getByRole('button', { name: 'Merge into this one' }).click();
    const done = agent.locator('.banner', { hasText: 'was merged into this one' });
    await row(agent, String(given.twin.number)).getByText('Merged').waitFor();
    await (await done.count() ? done : row(agent, String(given.twin.number))).getByRole('button', { name: 'Undo' }).click();
    await row(agent, String(given.twin.number)).waitFor({ state: 'detached' });
  }],
  ['a link is made and taken away; a wrong number is told', async () => {
    const number = agent.getByLabel('Ticket number');
    await number.fill('999999');
    await agent.getByRole('button', { name: 'Link', exact: true }).click();
    await agent.getByRole('alert').getByText('There is no such ticket').waitFor();
    await number.fill(String(given.other.number));
    await agent.getByRole('button', { name: 'Link', exact: true }).click();
    await row(agent, String(given.other.number)).getByText('related').waitFor();
    await agent.getByRole('button', { name: `Remove: ${given.other.number}` }).click();
    await row(agent, String(given.other.number)).waitFor({ state: 'detached' });
  }],
  ['a ticket is split from a message on', async () => {
    await open(agent, ticket('first'));
    const second = agent.locator('li.message', { hasText: given.secondText });
    await second.getByRole('button', { name: 'Split from here' }).click();
    await second.getByLabel('Subject of the new ticket').fill('Another matter');
    await looks(agent, 'ticket');
    await second.getByRole('button', { name: 'Open new ticket' }).click();
    await agent.getByRole('heading', { level: 1, name: 'Another matter' }).waitFor();
    await said(agent, given.secondText).waitFor();
    must((await said(agent, given.firstText).count()) === 0, 'the message before it came along');
    await row(agent, String(given.first.number)).getByText('related').waitFor();
    await picture(agent, 'split');
    // What was taken apart on purpose is not offered to be put together.
    await open(agent, ticket('first'));
    await agent.getByText('Perhaps the same matter').waitFor();
    must((await agent.locator('.banner', { hasText: 'Another matter' }).count()) === 0, 'what was split is suggested as a duplicate');
  }],
  ['the facts are changed: tags, assignee, priority with its reason; of two who edit, the second is told', async () => {
    await open(agent, ticket('first'));
    await open(chief, ticket('first'));
    for (const page of [agent, chief]) await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await agent.getByLabel('Tags').fill('vip, retrait, vip');
    await agent.getByLabel('Priority').selectOption({ label: 'High' });
    await agent.getByRole('button', { name: 'Save', exact: true }).click();
    must(await agent.getByLabel(/^Reason/).evaluate((e) => !e.validity.valid), 'a priority is changed without a reason');
    await agent.getByLabel(/^Reason/).fill('she waits since Monday');
    await agent.getByRole('button', { name: 'Save', exact: true }).click();
    await agent.locator('dl').getByText('vip', { exact: true }).waitFor();
    await agent.locator('li.event', { hasText: 'she waits since Monday' }).filter({ hasText: 'High' }).waitFor();
    // The supervisor still has the form of before.
    await chief.getByLabel('Assignee').selectOption({ label: 'Agent 1002' });
    await chief.getByLabel('Tags').fill('poker');
    await chief.getByRole('button', { name: 'Save', exact: true }).click();
    await chief.getByRole('alert').first().waitFor();
    await chief.getByText('Now: retrait, vip').waitFor();
    must((await chief.getByLabel('Priority').inputValue()) === '2', 'what he did not touch does not follow');
    await looks(chief, 'crossed');
    await chief.getByLabel('Tags').fill('vip, retrait, poker');
    await chief.getByLabel('Assignee').selectOption({ label: 'Agent 1001' });
    await chief.locator('form').getByRole('button', { name: /over|Save/i }).click();
    await chief.locator('dl').getByText('poker', { exact: true }).waitFor();
    await agent.locator('dl').getByText('poker', { exact: true }).waitFor(); // without a reload
    const now = await api(agent, 'GET', `/api/v1/tickets/${given.first.id}`);
    must(now.tags.toSorted().join() === 'poker,retrait,vip' && now.priority === 2, JSON.stringify([now.tags, now.priority]));
  }],
  ['files: chosen and dropped, sent with a note, and read only by who is signed in', async () => {
    await open(agent, ticket('first'));
    await agent.getByRole('tab', { name: 'Note' }).click();
    await agent.locator('textarea').fill('two files');
    await agent.locator('input[type=file]').setInputFiles({ name: 'relevé.txt', mimeType: 'text/plain', buffer: Buffer.from('balance: 12 EUR') });
    await agent.getByRole('button', { name: 'Remove: relevé.txt' }).waitFor();
    const data = await agent.evaluateHandle(() => {
      const d = new DataTransfer();
      d.items.add(new File(['dropped one'], 'one.txt', { type: 'text/plain' }));
      d.items.add(new File(['dropped two'], 'two.txt', { type: 'text/plain' }));
      return d;
    });
    await agent.locator('textarea').dispatchEvent('dragover', { dataTransfer: data });
    await picture(agent, 'drop');
    await agent.locator('textarea').dispatchEvent('drop', { dataTransfer: data });
    await agent.getByRole('button', { name: 'Remove: two.txt' }).waitFor();
    must(agent.url().includes('/tickets/'), `the drop led to ${agent.url()}`);
    await agent.getByRole('button', { name: 'Remove: one.txt' }).click();
    await agent.getByRole('button', { name: 'Save note' }).click();
    const note = agent.locator('li.note', { hasText: 'two files' });
    await note.getByRole('link', { name: /two\.txt/ }).waitFor();
    must((await note.getByRole('link', { name: /one\.txt/ }).count()) === 0, 'what was removed was sent');
    const link = note.getByRole('link', { name: /relevé\.txt/ });
    const [download] = await Promise.all([agent.waitForEvent('download'), link.click()]);
    must(download.suggestedFilename() === 'relevé.txt', `the name is ${download.suggestedFilename()}`);
    must(readFileSync(await download.path(), 'utf8') === 'balance: 12 EUR', 'the content is another');
    const url = given.base + (await link.getAttribute('href'));
    must((await fetch(url)).status === 401, 'a file without signing in');
    const head = await agent.evaluate(async (u) => Object.fromEntries((await fetch(u)).headers), url);
    must(head['content-disposition'].startsWith('attachment') && head['x-content-type-options'] === 'nosniff', JSON.stringify(head));
    await picture(agent, 'files');
  }],
  ['a file that is too large is told, with the limit', async () => {
    await agent.getByRole('tab', { name: 'Note' }).click();
    await agent.locator('input[type=file]').setInputFiles({ name: 'big.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(11 << 20, 1) });
    await agent.getByRole('alert').getByText(/big\.bin/).waitFor();
    await picture(agent, 'file-too-large');
  }],
  ['contacts: merged by the number of a ticket, undone by a supervisor', async () => {
    await open(chief, `/contacts/${given.first.contact}`);
    await chief.getByLabel('Ticket number').fill(String(given.other.number));
    await chief.getByRole('button', { name: 'Find' }).click();
    await chief.getByRole('link', { name: 'Look first' }).waitFor();
    await picture(chief, 'contact-found');
    await chief.getByRole('button', { name: 'Merge', exact: true }).click();
    await chief.getByText('It can be undone for 24 hours.').waitFor();
    await chief.getByRole('link', { name: String(given.other.number), exact: true }).waitFor();
    await looks(chief, 'contact');
    // From the other's address one comes here, and can take it back after a reload.
    await open(chief, `/contacts/${given.other.contact}`);
    await chief.waitForURL(`**/contacts/${given.first.contact}`);
    await chief.getByRole('button', { name: 'Undo' }).click();
    await chief.getByRole('link', { name: String(given.other.number), exact: true }).waitFor({ state: 'detached' });
    await open(chief, `/contacts/${given.other.contact}`);
    await chief.getByRole('link', { name: String(given.other.number), exact: true }).waitFor();
    must(chief.url().endsWith(given.other.contact), `still with the other: ${chief.url()}`);
  }],
  ['search: without accents and case, by subject, text and number; it opens', async () => {
    await open(agent, '/tickets');
    const box = agent.getByRole('searchbox');
    for (const words of ['RETRAIT BLOQUE verification', `#${given.first.number}`, String(given.first.number)]) {
      await box.fill(words);
      await agent.waitForURL((u) => u.searchParams.get('q') === words);
      await agent.locator('tbody').getByRole('link', { name: String(given.first.number), exact: true }).waitFor();
      await agent.getByRole('link', { name: String(given.other.number), exact: true }).waitFor({ state: 'detached' });
    }
    await looks(agent, 'search');
    await agent.locator('tbody').getByRole('link', { name: given.firstSubject }).first().click();
    await agent.getByRole('heading', { level: 1, name: new RegExp(`^${given.first.number} · `) }).waitFor();
    await agent.goBack();
    must((await agent.getByRole('searchbox').inputValue()) === String(given.first.number), 'the search is gone');
    await agent.getByRole('searchbox').fill('nothing like this');
    await agent.getByText('No ticket matches.').waitFor();
  }],
  ['of another agent he sees nothing', async () => {
    const list = await api(agent, 'GET', `/api/v1/tickets?q=${encodeURIComponent(given.secret)}`);
    must(list.items.length === 0, JSON.stringify(list));
  }],
]);
