// Drives two players in Chromium who wait, and of whom the first reloads his page,
// for reload_test.go. It says READY when both wait, then waits for the answer on
// stdin, and says TALKING when the first is answered, which he must be.
// Argument: {base}.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const { chromium } = createRequire(new URL('../web/ui/package.json', import.meta.url))('@playwright/test');
const given = JSON.parse(process.argv[2]);
const stdin = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', '--autoplay-policy=no-user-gesture-required'],
});
const place = (page, text) => page.locator('dl.figures dd').first().filter({ hasText: text }).waitFor({ timeout: 20_000 });
async function waits(text) {
  const page = await (await browser.newContext({ locale: 'en-GB' })).newPage();
  page.setDefaultTimeout(20_000);
  await page.addInitScript(() => {
    const Peer = RTCPeerConnection;
    globalThis.peers = [];
    globalThis.RTCPeerConnection = class extends Peer {
      constructor(...config) {
        super(...config);
        globalThis.peers.push(this);
      }
    };
  });
  await page.goto(`${given.base}/call?queue=support&lang=en`);
  await page.locator('button[type=submit]').click();
  await place(page, text);
  return page;
}
try {
  const first = await waits('You are next');
  const second = await waits('2');
  await first.reload();
  await place(first, 'You are next');
  await place(second, '2');
  console.log('READY');
  await stdin.next();
  await first.getByText(/You are talking to/).waitFor();
  await place(second, 'You are next');
  // A microphone that is lost is said, and another one is taken.
  await first.evaluate(async () => {
    const get = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'));
    globalThis.plug = () => {
      navigator.mediaDevices.getUserMedia = get;
      navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
    };
    const { track } = globalThis.peers.at(-1).getSenders()[0];
    track.stop();
    track.dispatchEvent(new Event('ended'));
  });
  await first.getByText('Your microphone is gone').waitFor();
  await first.evaluate(() => globalThis.plug());
  await first.getByText('Your microphone is gone').waitFor({ state: 'detached' });
  const live = await first.evaluate(() => globalThis.peers.at(-1).getSenders()[0].track.readyState);
  if (live !== 'live') throw new Error(`it speaks into a track that is ${live}`);
  console.log('TALKING');
  await stdin.next();
} catch (err) {
  for (const c of browser.contexts()) console.log(await c.pages()[0].locator('main, body').first().innerText());
  console.error(err.message);
  process.exitCode = 1;
}
await browser.close();
process.exit();
