// A server of invented data for looking at the pages: node mock/server.mjs [port].
// It serves dist, the API of the console and the browser calls. It is no part of
// the product and of no build.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = process.env.DIST ?? fileURLToPath(new URL('../dist', import.meta.url));
const types = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' };
const ago = (s) => new Date(Date.now() - s * 1000).toISOString();
const page = (items) => ({ items, next: '' });

const titles = {
  support: { fr: 'Aide générale', en: 'General help' }, payments: { fr: 'Paiements', en: 'Payments' },
  security: { fr: 'Sécurité', en: 'Security' }, verification: { fr: 'Vérification', en: 'Verification' },
};
const names = ['Alice Martin', 'Bruno Petit', 'Chloé Durand', 'David Moreau', 'Emma Laurent', 'Farid Benali', 'Gwen Le Goff', 'Hugo Simon'];
const states = ['talking', 'ready', 'wrap_up', 'not_ready', 'ready', 'reserved', 'offline', 'unreachable'];
const sinceS = [95, 12, 3, 640, 301, 4, 7200, 44];

function queue(name, i) {
  const answered = [128, 64, 21, 0][i];
  return {
    id: `q${i}`, name, title: titles[name], enabled: true, waiting: [3, 1, 0, 0][i], longest_wait_ms: [34_000, 16_000, 0, 0][i],
    estimate_low_ms: 20_000, estimate_high_ms: 70_000, agents_ready: 2, agents_busy: 2, agents_wrap_up: 1, offered: answered + 12,
    answered, answered_in_target: [96, 58, 15, 0][i], abandoned: [7, 2, 1, 0][i], short_abandoned: [2, 0, 0, 0][i], overflowed: 0,
    callback_requested: [5, 1, 0, 0][i], mean_wait_ms: 14_200, p50_wait_ms: 9000, p90_wait_ms: 31_000, p95_wait_ms: 41_000,
    channels: i > 1 ? [] : [
      { channel: 'chat', waiting: [2, 0][i], longest_wait_ms: [95_000, 0][i], held: 3, offered: 41, answered: 38, answered_in_target: 35, abandoned: 3, mean_wait_ms: 41_000, p90_wait_ms: 110_000, service_level: { target_ms: 120_000, percent: [85.4, 91][i], formula: 'headline/1' } },
      { channel: 'email', waiting: [6, 1][i], longest_wait_ms: [15_100_000, 900_000][i], held: 2, offered: 24, answered: 18, answered_in_target: 18, abandoned: 0, mean_wait_ms: 3_100_000, p90_wait_ms: 9_000_000, service_level: { target_ms: 14_400_000, percent: 100, formula: 'headline/1' } },
    ],
    service_level: { target_ms: 30_000, percent: [72.4, 86.6, 68.2, null][i], formula: 'headline/1' },
  };
}
const stored = (name) => ({
  id: 'q0', name, title: titles[name] ?? {}, enabled: true, target_ms: 30_000, target_percent: 80, max_wait_ms: 0, max_length: 0, wrap_up_ms: 5000, strategy: 'longest_idle',
  members: [{ agent_id: 'a1', rank: 0 }, { agent_id: 'a2', rank: 10 }],
});
const agents = names.map((name, i) => ({
  id: `a${i + 1}`, login: String(1001 + i), name, state: states[i], reason: ['', '', '', 'lunch', '', '', '', 'no_answer'][i], since: ago(sinceS[i]),
  devices: [1, 2, 1, 1, 1, 1, 0, 0][i], call_id: i === 0 ? 'c2' : i === 5 ? 'c1' : '', wrap_up_until: i === 2 ? ago(-4) : null, next_state: i === 0 ? 'not_ready' : '',
}));
const shapes = [
  ['offered', '', 'support', 34, 0, ''], ['talking', '', 'support', 11, 95, 'a1'], ['waiting', '', 'support', 9, 0, ''],
  ['waiting', '', 'payments', 16, 0, ''], ['ended', 'answered', 'support', 8, 212, 'a2'], ['ended', 'abandoned', 'support', 41, 0, ''],
  ['ended', 'callback_requested', 'payments', 22, 0, ''], ['ended', 'answered', 'security', 44, 361, 'a5'], ['ended', 'short_abandoned', 'support', 3, 0, ''],
];
const calls = shapes.map(([state, end_reason, q, wait, talk, agent_id], i) => {
  const start = i * 150 + wait + talk;
  return {
    id: `c${i + 1}`, sip_call_id: `${i}f3a9c@198.51.100.${i + 7}`, from: `sip:lea${i}@198.51.100.${i + 7}`, from_user: `lea${i}`, from_display: i % 3 ? '' : 'Léa Roux',
    to: `sip:${q}@pickup.example`, direction: 'in', language: i % 2 ? 'en' : 'fr', queue: q, state, end_reason, started_at: ago(start), enqueued_at: ago(start),
    bridged_at: talk ? ago(start - wait) : null, ended_at: state === 'ended' ? ago(start - wait - talk) : null, wait_ms: wait * 1000, talk_ms: talk * 1000, hold_ms: 0,
    agent_id, contact_id: 'p1', recording_id: talk ? 'r1' : '', ticket_id: state === 'ended' && talk ? 't1' : '', callback_id: '',
  };
});
// The figures of the server's own filter, as far as the pages ask for them.
const counted = {
  offered: () => true, answered: (c) => c.bridged_at !== null, answered_in_target: (c) => c.bridged_at !== null && c.wait_ms <= 30_000,
  abandoned: (c) => /abandoned$/.test(c.end_reason), short_abandoned: (c) => c.end_reason === 'short_abandoned', overflowed: () => false,
  callback_requested: (c) => c.end_reason === 'callback_requested',
};
const chosen = (q) => calls.filter((c) =>
  (!q.get('queue') || c.queue === q.get('queue')) && (!q.get('figure') || counted[q.get('figure')](c)) &&
  (!q.get('state') || (q.get('state') === 'waiting' ? ['waiting', 'offered'].includes(c.state) : (q.get('state') === 'ended') === (c.state === 'ended'))));
const timeline = [
  { at: ago(240), kind: 'joined', actor: '', detail: { queue: 'support' } }, { at: ago(238), kind: 'offered', actor: '', detail: { agent: 'a2', outcome: 'answered' } },
  { at: ago(232), kind: 'bridged', actor: 'a2', detail: null }, { at: ago(20), kind: 'ended', actor: '', detail: { reason: 'answered' } },
];
const legs = [
  { id: 'l1', kind: 'player', agent_id: '', device: 'sip:lea@198.51.100.7', transport: 'udp', sip_call_id: 'x', started_at: ago(240), rang_at: null, answered_at: ago(240), ended_at: ago(20), status: 200, cause: '', codec: 'PCMA', packets_in: 10600, packets_out: 10600, packets_lost: 12, jitter_ms: 3.4, mos: 4.3 },
  { id: 'l2', kind: 'agent', agent_id: 'a2', device: 'sip:1002@192.0.2.8', transport: 'tcp', sip_call_id: 'y', started_at: ago(238), rang_at: ago(237), answered_at: ago(232), ended_at: ago(20), status: 200, cause: 'BYE', codec: 'PCMU', packets_in: 10580, packets_out: 10590, packets_lost: 0, jitter_ms: 1.1, mos: 4.4 },
];
const ticket = {
  id: 't1', number: 1042, subject: 'Retrait refusé depuis lundi', type: '', category: 'withdrawal', state: 'open', priority: 2, queue: 'payments', channel: 'email', language: 'fr',
  contact_id: 'p1', contact_name: 'Léa Roux', assignee_id: 'u0', merged_into: '', tags: ['vip', 'retrait'], waiting_since: ago(3400), channels: ['email', 'call', 'chat'],
  calls: ['c5'], recordings: ['r1'], last_pos: 14, version: 7, created_at: ago(86_000), updated_at: ago(20),
};
const touch = (id, channel, s, extra = {}) => ({
  id, channel, direction: 'in', ticket_id: 't1', queue: 'payments', subject: '', started_at: ago(s), answered_at: ago(s - 8), ended_at: null, end_reason: '', agent_id: 'u0', first_reply_ms: 0, waiting_since: null, ...extra,
});
const touches = [
  touch('i1', 'email', 86_000, { subject: 'Retrait refusé', first_reply_ms: 3_600_000 }),
  touch('c5', 'call', 4000, { ended_at: ago(3780), end_reason: 'answered' }), touch('i2', 'chat', 300, { first_reply_ms: 21_000 }),
];
const message = (pos, interaction_id, kind, s, text, extra = {}) => ({
  id: `m${pos}`, pos, seq: pos, interaction_id, ticket_id: 't1', kind, author_id: kind === 'agent' || kind === 'note' ? 'u0' : 'p1', text, quoted: '', html: '', automatic: false,
  status: 'stored', attachments: [], created_at: ago(s), ...extra,
});
const messages = [
  message(1, 'i1', 'customer', 86_000, '', {
    html: '<p>Bonjour,</p><p>Mon <b>retrait de 250 €</b> est refusé depuis lundi. Voici la capture :</p><p><img alt="capture" src="/api/v1/files/f1" width="240"></p><p><img alt="logo" data-remote="https://pixel.example/x.png"></p><p>Merci d’avance,<br>Léa</p>',
    text: 'Bonjour', quoted: '> Le 3 mai, Pickup Casino a écrit :\n> Votre demande a bien été reçue.', attachments: [{ id: 'f1', name: 'capture.png', mime: 'image/png', size: 84_200, inline: true }, { id: 'f2', name: 'relevé de compte.pdf', mime: 'application/pdf', size: 1_204_000, inline: false }],
  }),
  message(2, 'i1', 'agent', 82_400, 'Bonjour Léa,\n\nje vérifie avec la banque et reviens vers vous aujourd’hui.\n\nAlice', { status: 'sent' }),
  message(3, '', 'note', 82_000, 'La banque confirme : compte bloqué à la demande du joueur en avril. Vérifier avant de débloquer.'),
  message(4, 'i1', 'customer', 3400, 'Toujours rien reçu. Pouvez-vous m’appeler ?'),
];
const value = (extra) => ({ ...ticket, ...extra });
const story = () => ({
  ...ticket, messages, interactions: touches, merged: [],
  links: [{ ticket_id: 't2', number: 1012, subject: 'Dépôt en double', state: 'solved', kind: 'related', here: true }],
  people: { u0: 'Alice Martin' },
  timeline: [
    { at: ago(86_000), kind: 'ticket_created', actor: '', detail: { channel: 'email' } },
    { at: ago(85_999), kind: 'priority_changed', actor: '', detail: { from: '1', to: '2', reason: 'category' } },
    { at: ago(82_400), kind: 'assignee_changed', actor: 'u0', detail: { from: '', to: 'u0', reason: 'replied' } },
    { at: ago(3400), kind: 'state_changed', actor: '', detail: { from: 'pending_customer', to: 'open', reason: 'customer_reply' } },
  ],
});
const item = (id, channel, state, s, extra = {}) => ({
  id, channel, state, queue: 'support', interaction_id: id, ticket_id: `t${id}`, subject: '', category: '', priority: 1, language: 'fr', player: 'Léa Roux', position: 0, since: ago(s), due_at: null,
  agent_id: '', agent: '', taken_at: null, offer_ends_at: null, why: '', key_ms: -s, class: channel === 'chat' ? 1 : 2, ...extra,
});
const mine = { agent_id: 'u0', agent: 'Alice Martin' };
const workItems = () => [
  item('i2', 'chat', 'active', 280, { ...mine, ticket_id: 't1', subject: 'Retrait refusé depuis lundi', category: 'withdrawal', priority: 2, taken_at: ago(260), why: 'packed: load 0, last hour 2, longest idle: 43 s' }),
  item('w2', 'email', 'active', 5200, { ...mine, subject: 'Vérification de ma pièce d’identité', category: 'identity_verification', player: 'Marc Petit', taken_at: ago(600), why: 'longest idle: 43 s' }),
  item('w3', 'email', 'parked', 9000, { ...mine, subject: 'Bonus non crédité', player: 'jo@example.org', taken_at: ago(4000) }),
  item('w4', 'chat', 'waiting', 95, { subject: 'I cannot sign in', player: 'Tom Baker', position: 1, language: 'en' }),
  item('w5', 'chat', 'waiting', 32, { subject: 'Dépôt par carte', category: 'deposit', player: 'visiteur', position: 2 }),
  item('w6', 'email', 'waiting', 15_000, { queue: 'security', subject: 'Mon compte a été piraté', category: 'account_security', priority: 3, player: 'Inès Faure', position: 1, due_at: ago(1000) }),
  item('w7', 'ticket', 'waiting', 7200, { subject: 'Appel manqué de lea7', position: 3 }),
];
const chatRow = {
  id: 'i2', state: 'open', ticket_id: 't1', ticket_number: 1042, subject: ticket.subject, category: 'withdrawal', priority: 2, contact_id: 'p1', queue: 'payments', language: 'fr', name: 'Léa Roux',
  email: 'lea@example.org', player_id: 'P-88121', tier: 'gold', page: '/caisse', agent_id: 'u0', agent: 'Alice Martin', online: true, offline_since: null, last_seq: 6, visitor_read: 4, agent_read: 3,
  started_at: ago(300), answered_at: ago(279), ended_at: null, end_reason: '', waiting_since: ago(44), first_reply_ms: 21_000, replies: 1, reply_mean_ms: 21_000, reply_max_ms: 21_000,
};
const chatLines = [
  { type: 'message', seq: 1, at: ago(300), by: 'visitor', id: 'l1', text: 'Bonjour, mon retrait est toujours refusé.', client_id: 'v-1' },
  { type: 'assignment', seq: 2, at: ago(285), agent_id: 'u0', agent: 'Alice Martin' }, { type: 'state', seq: 3, at: ago(285), state: 'open' },
  { type: 'message', seq: 4, at: ago(279), by: 'agent', id: 'l2', text: 'Bonjour Léa, je regarde votre dossier.', client_id: 'a-1', agent_id: 'u0', agent: 'Alice Martin' },
  { type: 'message', seq: 5, at: ago(44), by: 'visitor', id: 'l3', text: 'Voici le relevé demandé.', client_id: 'v-2', files: [{ id: 'f2', name: 'relevé.pdf', mime: 'application/pdf', size: 120_400 }] },
  { type: 'call', seq: 6, at: ago(30), by: 'visitor' },
];
const categories = [['deposit', 2], ['withdrawal', 2], ['technical', 1], ['account_security', 3], ['identity_verification', 1], ['dispute', 2], ['responsible_gaming', 2], ['other', 1]]
  .map(([name, min_priority]) => ({ name, min_priority, skill: name === 'account_security' ? 'security' : '' }));
const mailServer = (host) => ({ host, port: 993, security: 'tls', user: 'support', password_set: true });
const mailbox = (id, address, state, error = '') => ({
  id, name: 'Pickup Casino', address, aliases: [], queue: 'support', language: 'fr', enabled: state !== 'off', imap: mailServer('imap.example.org'), folder: 'INBOX', smtp: mailServer('smtp.example.org'),
  authserv_id: 'mx.example.org', signatures: { fr: 'L’équipe Pickup', en: 'The Pickup team' }, acknowledge: true, version: 1, health: { state, since: ago(4000), error },
});
const recording = { id: 'r1', call_id: 'c5', agent_id: 'a2', queue: 'support', started_at: ago(232), ended_at: ago(20), duration_ms: 12_000, state: 'stored', incomplete: '', bytes: 384_044, sha256: createHash('sha256').update('r1').digest('hex') };
const contact = {
  id: 'p1', name: 'Léa Roux', language: 'fr', created_at: ago(9e5), merged: [{ id: 'p9', name: 'lea.roux' }],
  identities: [{ kind: 'player', value: 'P-88121', verified: true }, { kind: 'email', value: 'lea@example.org', verified: true }, { kind: 'phone', value: '+33612345678', verified: false }],
  interactions: [...touches].reverse().concat(touch('c9', 'call', 700_000, { ticket_id: 't2', end_reason: 'abandoned', ended_at: ago(699_900), answered_at: null })),
};
const callback = (id, state, attempts, player) => ({ id, state, detail: state === 'failed' ? 'no_answer' : '', kind: 'keep_place', queue: 'support', target: '+33612345678', target_kind: 'number', player, key_ms: 0, attempts, max_attempts: 3, due_at: ago(-60), call_id: 'c7', ticket_id: '', contact_id: '' });
const users = [['1001', 'Alice Martin', 'agent'], ['2001', 'Sonia Caron', 'supervisor'], ['3001', 'Rémi Blanc', 'reviewer'], ['admin', 'Administrator', 'admin']].map(([login, name, role], i) => ({ id: `u${i}`, login, name, role, language: 'fr', active: true, demo: true, created_at: ago(9e5) }));

function wav() {
  const frames = 12 * 8000;
  const b = Buffer.alloc(44 + frames * 4);
  b.write('RIFF', 0); b.writeUInt32LE(36 + frames * 4, 4); b.write('WAVEfmt ', 8); b.writeUInt32LE(16, 16); b.writeUInt16LE(1, 20);
  b.writeUInt16LE(2, 22); b.writeUInt32LE(8000, 24); b.writeUInt32LE(32000, 28); b.writeUInt16LE(4, 32); b.writeUInt16LE(16, 34);
  b.write('data', 36); b.writeUInt32LE(frames * 4, 40);
  for (let i = 0; i < frames; i++) {
    const t = i / 8000;
    const l = Math.max(0, Math.sin(t * 1.4)) * (0.5 + 0.5 * Math.sin(t * 23));
    const r = Math.max(0, -Math.sin(t * 1.4)) * (0.5 + 0.5 * Math.sin(t * 17));
    b.writeInt16LE(Math.round(9000 * l * Math.sin(t * 2765)), 44 + i * 4);
    b.writeInt16LE(Math.round(9000 * r * Math.sin(t * 3142)), 46 + i * 4);
  }
  return b;
}
const audio = wav();

// An answer that a browser accepts; no candidate, so no media ever flows.
function answerTo(offer) {
  const get = (re) => re.exec(offer)?.[1] ?? '';
  return ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', `a=group:BUNDLE ${get(/a=mid:(\S+)/)}`, 'm=audio 9 UDP/TLS/RTP/SAVPF 8 126', 'c=IN IP4 0.0.0.0',
    `a=mid:${get(/a=mid:(\S+)/)}`, 'a=ice-ufrag:mock', 'a=ice-pwd:mockmockmockmockmockmock', `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
    'a=setup:passive', 'a=rtcp-mux', 'a=sendrecv', 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:126 telephone-event/8000', ''].join('\r\n');
}

const step = (i) => {
  const calls = Math.round(10 * (i > 40 ? 2 : 18 + 14 * Math.sin(i / 7))) / 10;
  const needed = Math.ceil(calls / 5) + 2;
  return { from: ago(-1800 * i), calls, low: Math.max(0, calls - 6), high: calls + 6, samples: 5.4, needed, scheduled: Math.ceil(needed / 0.7) };
};
const outlook = (agents, percent, mean_wait_ms, abandon_percent, occupancy_percent) => ({ agents, stable: true, percent, mean_wait_ms, abandon_percent, occupancy_percent, line: 0.4 });
const staffing = (queue) => ({
  queue, at: ago(0), target_ms: 30_000, target_percent: 80, shrinkage_percent: 30, per_hour: 62.4, source: 'forecast', handling_ms: 284_000, patience_ms: 190_000, erlangs: 4.9,
  agents_on_duty: 7, agents: 6, needed: 7, scheduled: 10, outlooks: [outlook(5, 61.2, 31_400, 16.5, 82.1), outlook(6, 77.9, 15_800, 8.3, 75.2), outlook(7, 88.4, 7_400, 3.9, 67.5)],
  interval: { from: ago(900), to: ago(-900), counted: 17, in_target: 14, coming: 14.2, can_miss: 3, expected_percent: 79.8 }, promise: { made: 41, kept: 37, median_error_ms: 9_000 },
  day: Array.from({ length: 48 }, (_, i) => step(i)),
});
const told = (percent, mean_wait_ms, abandoned, occupancy_percent) => ({
  rows: [{ queue: 'support', channel: 'call', offered: 812, answered: 812 - abandoned, in_target: 640, abandoned, overflowed: 0, percent, mean_wait_ms, p90_wait_ms: mean_wait_ms * 3 }], occupancy_percent,
});
const simulation = { day: '2026-11-27', from: ago(86_400), to: ago(0), left: 3, real: told(78.4, 18_200, 41, 81.2), again: told(78.9, 17_800, 39, 80.8), changed: told(91.3, 8_100, 14, 72.4) };

/** Starts the server; the returned object steers it: what browser calls hear, faults. */
export function start(port = 0) {
  const mock = { signedIn: null, offerStatus: 201, callEvents: [], callStreams: new Set(), streams: new Set(), offers: [], said: [], away: false, offered: [], me: {}, lines: [...chatLines], conflict: false, watchers: [] };
  mock.event = (topic, object_id, more = {}) => {
    mock.seq = (mock.seq ?? 0) + 1;
    for (const s of mock.streams) s.write(`id: ${mock.seq}\ndata: ${JSON.stringify({ seq: mock.seq, topic, object_id, ...more })}\n\n`);
  };
  mock.offer = () => (mock.offered = [item('w9', 'chat', 'offered', 20, { ...mine, ticket_id: 't1', subject: 'Problème de dépôt', category: 'deposit', priority: 2, player: 'Nina Weber', offer_ends_at: ago(-18), why: 'packed: load 1, last hour 2' })]);
  mock.tell = (name, data) => {
    mock.callEvents = [[name, data]];
    for (const s of mock.callStreams) s.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const json = (res, status, body) => {
    res.writeHead(status, { 'Content-Type': 'application/json' });
    res.end(body === undefined ? '' : JSON.stringify(body));
  };
  const api = {
    site: () => ({ demo: true, version: 'mock', languages: ['fr', 'en'], queues: Object.keys(titles).map((name) => ({ name, title: titles[name] })) }),
    queues: (name, query, rest) => (rest === 'staffing' ? staffing(name) : name ? stored(name) : page(Object.keys(titles).map(queue))), agents: () => page(mock.signedIn === '1001' ? [{ ...agents[1], id: 'u0', login: '1001', name: 'Alice Martin', ...mock.me }] : agents),
    calls: (id, query, rest) => (rest === 'caller' ? { call_id: id, match: 'exact', address: '+33612345678', contact_id: 'p1', name: 'Léa Roux', language: 'fr', ticket_id: 't1', open: [ticket], calls_24h: 2, last_agent: 'Bruno Petit' } : id ? { ...(calls.find((c) => c.id === id) ?? calls[4]), why: 'skill french 3, rank 0, longest idle: 43 s', legs, timeline } : page(chosen(query))),
    tickets: (id, query, rest) => {
      if (rest === 'duplicates') return page(id === 't1' ? [{ ticket: value({ id: 't3', number: 1038, subject: 'retrait refusé !!', state: 'open' }), score: 90, reasons: ['contact', 'open', 'category'] }] : []);
      if (rest === 'drafts') return page([{ kind: 'note', body: 'À vérifier avec Sonia', updated_at: ago(60) }]);
      if (rest) return page([]);
      if (id) return story();
      const all = [ticket, value({ id: 't2', number: 1041, state: 'solved', priority: 1, subject: 'Appel manqué de lea7', category: '', tags: [], channels: ['call'], waiting_since: null }),
        value({ id: 't4', number: 1040, state: 'new', priority: 3, subject: 'Mon compte a été piraté', category: 'account_security', contact_name: 'Inès Faure', assignee_id: '', tags: [], channels: ['email'] })];
      return page(all.filter((x) => (!query.get('state') || x.state === query.get('state')) && (!query.get('q') || x.subject.toLowerCase().includes(query.get('q')))));
    },
    work: (id) => (id ? { ...workItems()[0], offers: [{ at: ago(290), agent_id: 'a2', agent: 'Bruno Petit', why: 'longest idle: 60 s', outcome: 'missed', reason: '' }, { at: ago(270), agent_id: 'u0', agent: 'Alice Martin', why: 'packed: load 0, last hour 2', outcome: 'accepted', reason: '' }] } : page([...workItems(), ...mock.offered])),
    chats: (id, query, rest) => (rest ? page(mock.lines.filter((e) => e.seq > Number(query.get('after')))) : id ? { ...chatRow, last_seq: mock.lines.length } : page([chatRow])),
    forecast: () => ({ items: [{ title: 'Grand Final', from: ago(-86_400), to: ago(-100_800), factor_percent: 180 }] }), simulations: () => simulation,
    categories: () => page(categories), mailboxes: () => page([mailbox('x1', 'support@example.org', 'well'), mailbox('x2', 'vip@example.org', 'down', 'imap.example.org: sign-in refused')]),
    recordings: (id) => (id ? recording : page([recording, { ...recording, id: 'r2', state: 'incomplete', incomplete: 'crash', duration_ms: 361_000 }])),
    callbacks: () => page([callback('b1', 'queued', 0, 'Léa Roux'), callback('b2', 'retry_wait', 1, 'lea3'), callback('b3', 'done', 1, 'lea4'), callback('b4', 'failed', 3, 'lea5')]),
    contacts: () => contact, users: () => page(users),
  };
  const server = createServer(async (req, res) => {
    if (mock.away) return req.socket.destroy();
    const url = new URL(req.url, 'http://mock');
    const [a, b, c, d, e] = url.pathname.split('/').slice(1);
    let body = '';
    for await (const chunk of req) body += chunk;
    if (url.pathname === '/healthz') return json(res, 200, {});
    if (a === 'w') {
      mock.said.push(`${req.method} ${url.pathname}${url.search}`);
      if (d && e === 'events') {
        res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
        res.write(': open\n\n');
        mock.callStreams.add(res);
        res.on('close', () => mock.callStreams.delete(res));
        for (const [name, data] of mock.callEvents) res.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
        return;
      }
      if (d && e) return json(res, 202);
      if (req.method === 'DELETE') return json(res, 204);
      mock.offers.push(body);
      if (mock.offerStatus !== 201) {
        res.setHeader('Retry-After', '20');
        return json(res, mock.offerStatus, { title: 'refused' });
      }
      res.writeHead(201, { 'Content-Type': 'application/sdp', Location: '/w/v1/calls/m1', 'Pickup-Resume': 'mock-token' });
      return res.end(answerTo(body));
    }
    if (a === 'api') {
      if (c === 'session') {
        if (req.method === 'DELETE') mock.signedIn = null;
        else {
          const { login, password } = JSON.parse(body);
          mock.signedIn = password === `demo-${login}` ? login : null;
          if (!mock.signedIn) return json(res, 401, { title: 'Unauthorized' });
        }
        return json(res, 204);
      }
      if (c !== 'site' && !mock.signedIn) return json(res, 401, { title: 'Unauthorized' });
      const user = users.find((u) => u.login === mock.signedIn);
      if (c === 'me') return json(res, 200, user);
      if (c === 'events') {
        res.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
        res.write(': open\n\n');
        mock.streams.add(res);
        res.on('close', () => mock.streams.delete(res));
        return;
      }
      if (e === 'peaks') {
        const lane = (shift) => Array.from({ length: 800 }, (_, i) => Math.round(70 * Math.max(0, Math.sin(i / 38 + shift)) * (0.5 + 0.5 * Math.abs(Math.sin(i / 3)))));
        return json(res, 200, { duration_ms: 12_000, left: lane(0), right: lane(Math.PI) });
      }
      if (e === 'audio') {
        const range = /bytes=(\d+)-(\d*)/.exec(req.headers.range ?? '');
        const from = range ? Number(range[1]) : 0;
        const to = range?.[2] ? Number(range[2]) : audio.length - 1;
        res.writeHead(range ? 206 : 200, { 'Content-Type': 'audio/wav', 'Accept-Ranges': 'bytes', 'Content-Length': to - from + 1, ...(range ? { 'Content-Range': `bytes ${from}-${to}/${audio.length}` } : {}) });
        return res.end(audio.subarray(from, to + 1));
      }
      if (req.method === 'POST' && c === 'users') {
        const wrong = { login: 'pattern', name: 'length', password: 'length' };
        return json(res, 422, { status: 422, title: 'Unprocessable Entity', errors: Object.entries(wrong).map(([f, message]) => ({ location: `body.${f}`, message })) });
      }
      if (c === 'files' && d) {
        res.writeHead(200, { 'Content-Type': 'image/svg+xml' });
        return res.end('<svg xmlns="http://www.w3.org/2000/svg" width="240" height="90"><rect width="240" height="90" fill="#cde"/></svg>');
      }
      if (req.method !== 'GET') {
        mock.said.push(`${req.method} ${url.pathname}`);
        const sent = body.startsWith('{') ? JSON.parse(body) : {};
        if (c === 'files') return json(res, 201, { id: 'f9', name: 'note.txt', mime: 'text/plain', size: 812 });
        if (c === 'chats' && e === 'messages') {
          const line = mock.lines.find((x) => x.client_id === sent.client_id) ?? { type: 'message', seq: mock.lines.length + 1, at: ago(0), by: 'agent', agent_id: 'u0', agent: 'Alice Martin', id: `l${mock.lines.length}`, text: sent.text, client_id: sent.client_id };
          if (!mock.lines.includes(line)) mock.lines.push(line);
          return json(res, 200, line);
        }
        if (e === 'watchers') return json(res, 200, page(mock.watchers));
        if (c === 'tickets' && e === 'messages' && sent.expected_last !== -1 && mock.conflict)
          return json(res, 409, { status: 409, type: 'urn:pickup:problem:unseen-messages', title: 'Conflict', detail: 'Messages came that you have not seen.', messages: [message(15, 'i1', 'customer', 5, 'Je viens de recevoir un mail de ma banque : tout est réglé.')] });
        if (c === 'mailboxes' && e === 'test') return json(res, 200, { well: d === 'x1', error: d === 'x1' ? '' : 'imap.example.org: sign-in refused' });
        if (c === 'simulations') return json(res, 200, simulation);
        if (c === 'work') mock.offered = [];
        return json(res, 200, c === 'work' ? { ...workItems()[0], offers: [] } : {});
      }
      return api[c] ? json(res, 200, api[c](d, url.searchParams, e)) : json(res, 404, { title: 'Not Found' });
    }
    let file = join(dist, url.pathname === '/call' ? 'call.html' : url.pathname);
    if (url.pathname === '/' || !existsSync(file)) file = join(dist, 'index.html');
    res.writeHead(200, {
      'Content-Type': types[extname(file)] ?? 'application/octet-stream',
      'Content-Security-Policy': url.pathname === '/mail.html' ? "default-src 'none'; img-src 'self' data: https: http:; style-src 'unsafe-inline'; base-uri 'none'" : "default-src 'self'; connect-src 'self' ws: wss:; media-src 'self' blob:; worker-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
    });
    res.end(readFileSync(file));
  });
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      mock.url = `http://127.0.0.1:${server.address().port}`;
      mock.stop = () => {
        server.closeAllConnections();
        server.close();
      };
      resolve(mock);
    });
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const mock = await start(Number(process.argv[2] ?? 8090));
  console.log(mock.url);
}
