// Shows HTML of mails in Chromium and tells what of it lives, for
// mailcorpus_test.go: scripts that ran (window.alive), dialogs, requests. The first
// page is a control that must be noticed. Argument: a JSON file of bodies.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const { chromium } = createRequire(new URL('../web/ui/package.json', import.meta.url))('@playwright/test');
const bodies = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-background-networking', '--no-first-run'],
});
const origin = 'http://console.example';

// show loads one body and touches everything in it.
async function show(body) {
  const context = await browser.newContext();
  const asked = [];
  let dialogs = 0;
  await context.route('**', (route) => {
    const url = route.request().url();
    if (url === `${origin}/`) {
      return route.fulfill({ contentType: 'text/html; charset=utf-8', body: `<!doctype html><title>mail</title><div id=mail>${body}</div>` });
    }
    // A picture that the mail brings is our own file.
    if (!/^http:\/\/console\.example\/(api\/v1\/files\/[0-9a-f-]{36}|favicon\.ico)$/.test(url)) asked.push(url);
    return route.abort();
  });
  const page = await context.newPage();
  page.on('dialog', (d) => { dialogs++; return d.dismiss(); });
  await page.goto(`${origin}/`);
  // Again, as a console puts it into a page that stands.
  await page.evaluate((html) => { const d = document.createElement('div'); d.innerHTML = html; document.body.append(d); }, body);
  await page.evaluate(() => {
    for (const e of document.querySelectorAll('#mail, #mail *, body > div *')) {
      for (const kind of ['mouseover', 'mouseenter', 'focus', 'toggle', 'animationstart', 'load', 'error', 'start', 'beforetoggle', 'pointerrawupdate']) {
        e.dispatchEvent(new Event(kind));
      }
      const href = e.getAttribute?.('href') ?? '';
      if (!/^(https?:|mailto:|tel:)/i.test(href)) e.click?.(); // a link that a person follows may lead out
    }
  });
  await page.waitForTimeout(200);
  const alive = (await page.evaluate(() => Number(window.alive ?? 0) + Number(document.querySelectorAll('script').length))) + dialogs;
  const moved = page.url() !== `${origin}/` || context.pages().length > 1;
  await context.close();
  return { alive: alive || moved ? 1 : 0, asked };
}

const control = await show('<script>window.alive=1</script><img src="http://evil.example/x.png" onerror="window.alive=1">');
const alive = [];
const asked = [];
let shown = 0;
for (const body of bodies) {
  const saw = await show(body);
  if (saw.alive) alive.push(body);
  asked.push(...saw.asked);
  shown++;
}
await browser.close();
console.log(JSON.stringify({ control: { alive: control.alive, requests: control.asked.length }, alive, asked, shown }));
