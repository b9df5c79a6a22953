// After vite: compressed forms of every file, and the guard of the sizes.
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const dist = new URL('../dist', import.meta.url).pathname;
const limits = { 'index.html': 150_000, 'call.html': 60_000, 'widget.js': 30 * 1024 }; // bytes, gzip, everything a page loads at first

function* files(dir) {
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else if (/\.(js|css|html|svg|json)$/.test(name)) yield path;
  }
}

const gzipSizes = new Map();
for (const path of files(dist)) {
  const bytes = readFileSync(path);
  const gz = gzipSync(bytes, { level: 9 });
  gzipSizes.set(path, gz.length);
  writeFileSync(`${path}.gz`, gz);
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
}

// A page loads what it names, and what those scripts import statically.
function loaded(path, seen = new Set()) {
  if (seen.has(path)) return seen;
  seen.add(path);
  const text = readFileSync(path, 'utf8');
  const names = path.endsWith('.html')
    ? [...text.matchAll(/"\/(assets\/[^"]+)"/g)].map((m) => join(dist, m[1]))
    : [...text.matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g)].map((m) => join(dist, 'assets', m[1]));
  for (const name of names) loaded(name, seen);
  return seen;
}

let failed = false;
for (const [page, limit] of Object.entries(limits)) {
  let total = 0;
  for (const path of loaded(join(dist, page))) total += gzipSizes.get(path) ?? 0;
  console.log(`${page}: ${(total / 1000).toFixed(1)} kB gzip of ${limit / 1000} kB`);
  if (total > limit) failed = true;
}
if (failed) {
  console.error('A page is larger than its limit.');
  process.exit(1);
}
