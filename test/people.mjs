// People at the console, for the scripts of console_test.go: each has a Chromium
// window of his own. A script takes one JSON argument, fails by must, and leaves
// pictures where PICKUP_TEST_PICTURES says, one of each page when it fails.
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync } from 'node:fs';

const modules = createRequire(new URL('../web/ui/package.json', import.meta.url));
const { chromium } = modules('@playwright/test');
const axe = readFileSync(modules.resolve('axe-core/axe.min.js'), 'utf8');
export const given = JSON.parse(process.argv[2]);
const pictures = process.env.PICKUP_TEST_PICTURES ?? '';
if (pictures) mkdirSync(pictures, { recursive: true });

export function must(ok, what) {
  if (!ok) throw new Error(what);
}

let browser;
const pages = [];
const problems = [];

/** Signs somebody in and returns his page. */
export async function person(login, { lang = 'en', dark = false, width = 1280 } = {}) {
  browser ??= await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--autoplay-policy=no-user-gesture-required'],
  });
  const context = await browser.newContext({
    locale: lang === 'fr' ? 'fr-FR' : 'en-GB', colorScheme: dark ? 'dark' : 'light', viewport: { width, height: 800 }, acceptDownloads: true,
  });
  await context.addInitScript((l) => location.protocol.startsWith('http') && localStorage.getItem('pickup.lang') === null && localStorage.setItem('pickup.lang', l), lang);
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.on('pageerror', (err) => problems.push(`${login}: ${err.message}`));
  pages.push(page);
  await page.goto(given.base);
  await page.locator('input').first().fill(login);
  await page.locator('input[type=password]').fill(`demo-${login}`);
  await page.locator('button[type=submit]').click();
  await page.locator('aside nav').waitFor();
  return page;
}

/** Opens a path of the console. */
export async function open(page, path) {
  await page.goto(given.base + path);
  await page.locator('main h1').waitFor();
}

/** Takes a picture, when pictures are wanted. */
export async function picture(page, name) {
  if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
}

/**
 * The page as it looks in French, in the dark, and on a phone; it ends in the
 * language back. Nothing may hang out of it to the right, no key of the
 * dictionaries may stand where words belong, and axe finds nothing serious.
 */
export async function looks(page, name, back = 'en') {
  const was = page.viewportSize();
  const turn = async (lang, scheme, size) => {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: scheme });
    // A dialog makes the page behind it inert: the button is clicked by the page itself.
    await page.getByRole('button', { name: lang === 'fr' ? 'Français' : 'English', includeHidden: true }).evaluate((b) => b.click());
    await page.locator(`html[lang=${lang}]`).waitFor();
  };
  // Who wants no pictures sees the two that differ most.
  const all = [['fr', 'light', 390], ['en', 'dark', 1440], ['en', 'light', 1440], ['fr', 'dark', 1440], ['en', 'dark', 390]];
  for (const [lang, scheme, width] of pictures ? all : all.slice(0, 2)) {
    await turn(lang, scheme, { width, height: 800 });
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    must(over <= 1, `${name}: ${over} px too wide at ${width} px in ${lang}`);
    const raw = (await page.locator('body').innerText()).match(/\b[a-z]+_[a-z_]+\b/g);
    must(raw === null, `${name}: ${raw} in ${lang}`);
    if (pictures || scheme === 'light') {
      const found = await page.evaluate(`${axe};axe.run(document,{runOnly:['wcag2a','wcag2aa'],iframes:false})`);
      const serious = found.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
      must(serious.length === 0, `${name} at ${width} px: ${serious.map((v) => `${v.id} ${v.nodes.map((n) => n.html.slice(0, 120)).join(' | ')}`).join('; ')}`);
    }
    await picture(page, `${name}-${lang}-${scheme}-${width}`);
  }
  await turn(back, 'light', was);
}

/** Asks the API as who is signed in on the page. */
export async function api(page, method, path, body) {
  const answer = await page.evaluate(async ([m, p, b]) => {
    const r = await fetch(p, { method: m, ...(b === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(b) }) });
    return { status: r.status, text: await r.text() };
  }, [method, path, body]);
  must(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.text}`);
  return answer.text ? JSON.parse(answer.text) : undefined;
}

/** Asks until it is so; waitForFunction of Playwright takes a promise for a yes. */
export async function until(what, ask) {
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((done) => setTimeout(done, 50))) if (await ask()) return;
  throw new Error(`it never came: ${what}`);
}

/** A page of somebody who is not signed in. */
export async function stranger() {
  const context = await browser.newContext();
  const page = await context.newPage();
  pages.push(page);
  await page.goto(`${given.base}/call`);
  return page;
}

/** Runs the steps of a script, in order; the first that fails is named. */
export async function run(steps) {
  let now = '';
  try {
    for (const [name, step] of steps) {
      now = name;
      await step();
      console.log(`ok ${name}`);
    }
    must(problems.length === 0, `errors on the pages: ${problems.join('; ')}`);
  } catch (err) {
    console.log(`failed at ${now}: ${err.message}`);
    for (const [n, page] of pages.entries()) await picture(page, `fault-${n}`).catch(() => {});
    process.exitCode = 1;
  }
  await browser?.close();
}
