// Mail at the console: a mailbox is set up in French, its mails are shown without
// doing harm, and two agents answer one of them. For console_test.go.
import { api, given, looks, must, open, person, picture, run } from './people.mjs';

let admin, ann, bob;
const post = async (name, lines) => must((await fetch(`${given.outside}/mail/${name}`, { method: 'POST', body: lines.join('\r\n') })).ok, `no mail ${name}`);
const loaded = async () => Number(await (await fetch(`${given.outside}/count`)).text());
const group = (name) => admin.getByRole('group', { name });
const box = (page, address) => page.locator('tbody tr', { hasText: address });
const dialog = (page) => page.getByRole('dialog', { name: 'Something came between' });
let matter = '';

await run([
  ['a mailbox is made in French: faults by their field, no word left in English', async () => {
    admin = await person('admin', { lang: 'fr' });
    await open(admin, '/mailboxes');
    await admin.getByText('Aucune boîte : l’e-mail est inactif.').waitFor();
    await admin.getByRole('button', { name: 'Nouvelle boîte' }).click();
    await admin.getByLabel('Adresse', { exact: true }).fill('not an address');
    await admin.getByRole('button', { name: 'Créer' }).click();
    await admin.locator('[aria-invalid=true]').first().waitFor(); // a wrong address is not taken
    await admin.getByLabel('Adresse', { exact: true }).fill(given.address);
    await admin.getByLabel('Nom affiché aux joueurs').fill('Support');
    await admin.getByLabel('File', { exact: true }).selectOption('support');
    const [imap, smtp] = [group('Réception (IMAP)'), group('Envoi (SMTP) ; vide : aucun envoi')];
    for (const [g, port] of [[imap, given.imap], [smtp, given.smtp]]) {
      await g.getByLabel('Hôte').fill('127.0.0.1');
      await g.getByLabel('Port').fill(String(port));
      await g.getByLabel('Chiffrement').selectOption({ label: 'Aucun (boucle locale)' });
    }
    await imap.getByLabel('Utilisateur').fill(given.address);
    await imap.getByLabel('Port').fill(String(given.closed));
    await imap.getByLabel('Mot de passe').fill(given.password);
    await looks(admin, 'mailbox-form', 'fr');
    await admin.getByRole('button', { name: 'Créer' }).click();
    await box(admin, given.address).getByText('En panne').waitFor();
  }],
  ['its test tells what is wrong, and what is well after the mend', async () => {
    const row = box(admin, given.address);
    await row.getByRole('button', { name: `Tester : ${given.address}` }).click();
    const told = row.getByText(/Cela ne fonctionne pas/);
    await told.waitFor();
    must((await told.textContent()).includes('imap'), `the fault names no server: ${await told.textContent()}`);
    await looks(admin, 'mailbox-down', 'fr');
    await row.getByRole('button', { name: `Modifier : ${given.address}` }).click();
    must((await group('Réception (IMAP)').getByLabel('Mot de passe').inputValue()) === '', 'the password is shown');
    await group('Réception (IMAP)').getByLabel('Port').fill(String(given.imap));
    await admin.getByRole('button', { name: 'Enregistrer', exact: true }).click();
    await admin.getByRole('heading', { name: `Modifier ${given.address}` }).waitFor({ state: 'detached' });
    await row.getByRole('button', { name: `Tester : ${given.address}` }).click();
    await row.getByText('Les serveurs l’acceptent.').waitFor();
    await row.getByText('En ordre').waitFor();
    must((await api(admin, 'GET', '/api/v1/mailboxes')).items[0].imap.password === undefined, 'the password is in the API');
  }],
  ['its mail is a ticket; the HTML of it does nothing', async () => {
    ann = await person('1001');
    await open(ann, '/work');
    const mine = ann.locator('section', { has: ann.getByRole('heading', { name: 'In progress' }) }).getByRole('listitem').filter({ hasText: given.subject });
    await mine.getByText(/^Email · Nora · support/).waitFor();
    await mine.getByRole('link', { name: given.subject }).click();
    await ann.getByRole('heading', { level: 1, name: new RegExp(given.subject) }).waitFor();
    matter = new URL(ann.url()).pathname;
    const frame = ann.locator('iframe');
    await frame.contentFrame().getByText('Dear support').waitFor();
    const sandbox = (await frame.getAttribute('sandbox')).split(' ');
    must(!sandbox.includes('allow-scripts') && !sandbox.includes('allow-forms') && !sandbox.includes('allow-top-navigation'), `sandbox ${sandbox}`);
    const inside = await frame.contentFrame().locator('html').evaluate((html) => ({
      scripts: html.querySelectorAll('script, iframe, object, embed, form, base[href], meta[http-equiv=refresh]').length,
      handlers: [...html.querySelectorAll('*')].flatMap((e) => e.getAttributeNames()).filter((n) => n.startsWith('on')),
      links: [...html.querySelectorAll('a')].map((a) => [a.getAttribute('href'), a.rel, a.target]),
    }));
    must(inside.scripts === 0 && inside.handlers.length === 0, JSON.stringify(inside));
    must(inside.links.length > 0 && inside.links.every(([href, rel]) => /^(https?:|mailto:)/.test(href) && rel.includes('noopener')), JSON.stringify(inside.links));
    // The picture that the mail brings stands in it; the one elsewhere was not asked for.
    await frame.contentFrame().locator('img[src*="/files/"]').evaluate((img) => img.decode());
    must((await ann.evaluate(() => window.alive)) === undefined, 'a script of the mail ran');
    must((await loaded()) === 0, 'a picture elsewhere was asked for');
    await looks(ann, 'mail');
    must((await loaded()) === 0, 'a picture elsewhere was asked for when the page was drawn anew');
  }],
  ['pictures elsewhere come when they are asked for, and still no script', async () => {
    await ann.getByText('Pictures from elsewhere were not loaded').waitFor();
    await ann.getByRole('button', { name: 'Show pictures' }).click();
    await ann.locator('iframe').contentFrame().locator('img[data-remote]').evaluate((img) => img.decode());
    must((await loaded()) === 1, `the picture was asked for ${await loaded()} times`);
    must(!(await ann.locator('iframe').getAttribute('sandbox')).includes('allow-scripts'), 'scripts are allowed with pictures');
    must((await ann.evaluate(() => window.alive)) === undefined, 'a script of the mail ran');
    await picture(ann, 'mail-pictures');
    // Attached files are downloaded, not opened.
    const [download] = await Promise.all([ann.waitForEvent('download'), ann.getByRole('link', { name: /harmless\.html/ }).click()]);
    must(download.suggestedFilename().endsWith('.html'), download.suggestedFilename());
    must(ann.url().endsWith(matter), `a file led to ${ann.url()}`);
  }],
  ['two at one ticket: each sees the other long before the next heartbeat, and who writes', async () => {
    // Ann holds it, and it is Bob's: the supervisor gives it to him.
    const all = (await api(admin, 'GET', '/api/v1/agents')).items;
    const now = await api(admin, 'GET', `/api/v1${matter}`);
    await api(admin, 'PATCH', `/api/v1${matter}`, { version: now.version, assignee_id: all.find((a) => a.name === 'Agent 1002').id });
    await ann.locator('dl').getByText('Agent 1002').waitFor();
    bob = await person('1002');
    await open(bob, matter);
    const began = Date.now();
    await ann.locator('.here', { hasText: 'Agent 1002' }).waitFor({ timeout: 5000 });
    await bob.locator('.here', { hasText: 'Agent 1001' }).waitFor({ timeout: 5000 });
    console.log(`seen after ${Date.now() - began} ms`);
    const write = Date.now();
    await bob.getByRole('textbox', { name: /Reply to/ }).fill('Dear Nora, we look');
    await ann.locator('.here', { hasText: 'is writing' }).waitFor({ timeout: 5000 });
    console.log(`writing seen after ${Date.now() - write} ms`);
    await ann.getByRole('textbox', { name: /Reply to/ }).fill('Dear Nora, it is done');
    await bob.locator('.here', { hasText: 'is writing' }).waitFor({ timeout: 5000 });
    await looks(bob, 'watch');
  }],
  ['the second to send is shown what the first wrote, and goes back to his draft', async () => {
    await ann.getByRole('button', { name: 'Send', exact: true }).click();
    await ann.locator('li.agent', { hasText: 'it is done' }).waitFor();
    await bob.locator('li.agent', { hasText: 'it is done' }).waitFor(); // also without a reload
    must((await bob.getByRole('textbox', { name: /Reply to/ }).inputValue()) === 'Dear Nora, we look', 'the draft is gone with the message of the other');
    await bob.getByRole('button', { name: 'Send', exact: true }).click();
    await dialog(bob).getByText('Dear Nora, it is done').waitFor();
    await dialog(bob).getByText('Agent 1001').waitFor();
    await picture(bob, 'between');
    await bob.keyboard.press('Escape');
    await dialog(bob).waitFor({ state: 'hidden' });
    const area = bob.getByRole('textbox', { name: /Reply to/ });
    must((await area.inputValue()) === 'Dear Nora, we look', 'the draft is lost');
    must(await area.evaluate((e) => e === document.activeElement), 'the focus is elsewhere');
    const sent = (await api(bob, 'GET', `/api/v1${matter}/messages`)).items.filter((m) => m.kind === 'agent');
    must(sent.length === 1, `${sent.length} replies were sent`);
  }],
  ['his draft lives through a reload, and the customer who writes meanwhile is shown, too', async () => {
    await bob.getByText('Draft saved').waitFor();
    await bob.reload();
    const area = bob.getByRole('textbox', { name: /Reply to/ });
    await bob.waitForFunction(() => document.querySelector('textarea')?.value === 'Dear Nora, we look');
    await area.press('End');
    await area.pressSequentially('!');
    await post('second', [
      'From: Nora <nora@player.example>', `To: ${given.address}`, `Subject: Re: ${given.subject}`, 'Message-ID: <second@player.example>', 'In-Reply-To: <first@player.example>',
      'MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', '', 'I found it, thanks!', '']);
    await bob.locator('li.customer', { hasText: 'I found it, thanks!' }).waitFor({ timeout: 30_000 });
    await bob.getByRole('button', { name: 'Send', exact: true }).click();
    await dialog(bob).getByText('I found it, thanks!').waitFor();
    await looks(bob, 'between-customer');
    await dialog(bob).getByRole('button', { name: 'Send anyway' }).click();
    await bob.locator('li.agent', { hasText: 'Dear Nora, we look!' }).waitFor();
    must((await area.inputValue()) === '', 'what was sent stands in the box');
    const sent = (await api(bob, 'GET', `/api/v1${matter}/messages`)).items.filter((m) => m.kind === 'agent').map((m) => m.text);
    must(JSON.stringify(sent) === JSON.stringify(['Dear Nora, it is done', 'Dear Nora, we look!']), JSON.stringify(sent));
  }],
  ['who goes away is not shown any more', async () => {
    await bob.locator('.here', { hasText: 'Agent 1001' }).waitFor();
    await open(ann, '/tickets');
    await bob.locator('.here').waitFor({ state: 'detached', timeout: 5000 });
  }],
  ['the mailbox is disabled, and removed; its tickets stay', async () => {
    const row = box(admin, given.address);
    await row.getByRole('button', { name: `Modifier : ${given.address}` }).click();
    await admin.getByLabel('Relever et envoyer le courrier').uncheck();
    await admin.getByRole('button', { name: 'Enregistrer', exact: true }).click();
    await row.getByText('Inactive').waitFor();
    await looks(admin, 'mailboxes', 'fr');
    await row.getByRole('button', { name: `Retirer : ${given.address}` }).click();
    await row.getByRole('button', { name: 'Supprimer ; ses messages restent' }).click();
    await admin.getByText('Aucune boîte : l’e-mail est inactif.').waitFor();
    await bob.reload();
    await bob.locator('li.agent', { hasText: 'it is done' }).waitFor();
  }],
]);
