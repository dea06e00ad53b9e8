import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Noted, fillShop, openShop, type Shop } from '../../../test/support/shop';
import { runCli } from '../../../test/support/run-cli';
import { BOUNDS, FILTERS } from './filters.js';
import { VERBS } from './verbs.js';

const readme = fs.readFileSync(path.join(__dirname, '../README.md'), 'utf8');

/** The keys that the table of `data` gives for a verb, outermost first. */
function documented(verb: string): string[] {
  const [, shape] = new RegExp(`^\\| \`${verb}\` \\| \`\\{ (.*?) \\}\``, 'm').exec(readme)!;
  return shape!
    .replace(/\[.*?\]|\{.*?\}/g, '')
    .split(',')
    .map((it) => it.replace(/:.*/, '').trim());
}

let folder: string;
beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-readme-'))));
afterEach(() => fs.rmSync(folder, { recursive: true }));

/** Verbs that do several things, and what: their first argument. */
const ACTIONS: Readonly<Record<string, readonly string[]>> = {
  route: ['list', 'explain'],
  audit: ['seal', 'verify', 'prove', 'prove-consistency', 'check-proof', 'report', 'export', 'keys'],
  store: ['status', 'init', 'migrate', 'sql', 'adopt', 'drop'],
  subscriptions: ['list', 'status', 'outcomes', 'pause', 'resume', 'reset', 'replay'],
  projections: ['list', 'status', 'show', 'rebuild', 'verify', 'swap', 'rollback', 'drop', 'pause', 'resume'],
  'dead-letters': ['list', 'show', 'retry', 'skip', 'discard', 'edit'],
  schedules: ['list', 'cancel', 'retry'],
  alerts: ['list', 'backtest'],
};

/** They need something that failed or was built: what they give is held by tests of their own. */
const HELD_ELSEWHERE = ['subscriptions', 'projections', 'dead-letters', 'schedules', 'alerts'];

const CALLS = ['trace export'].concat(
  VERBS.filter(({ name }) => !HELD_ELSEWHERE.includes(name)).flatMap(
    ({ name }) => ACTIONS[name]?.map((action) => `${name} ${action}`) ?? [name],
  ),
);

/** A key, two seals, and a proof. */
async function sealed(io: Parameters<typeof runCli>[1] & { readonly definition: Shop }, eventId: string) {
  const key = ['--key', 'key.pem'];
  await runCli(['audit', 'keys', 'create', ...key], io);
  await runCli(['audit', 'seal', ...key], io);
  await io.definition.run((app) => app.record('cart-9', [new Noted('again')]));
  await runCli(['audit', 'seal', ...key], io);
  await runCli(['audit', 'prove', eventId], io);
}

test.each(CALLS)('the data of %s are what the README says', async (call) => {
  const [verb = ''] = call.split(' ');
  const { app, definition } = await openShop();
  const { paid } = await fillShop(app);
  const more: Record<string, string[]> = {
    state: ['cart-1'],
    replay: ['cart-1'],
    blame: ['cart-1', 'owner'],
    bisect: ['cart-1', '--where', 'owner == "Ann"'],
    whatif: ['cart-1', '--skip', '2'],
    check: [],
    diff: ['cart-1', '1', '2'],
    trace: [paid],
    'trace export': [paid, '--file', path.join(folder, 'flow.jsonl')],
    lifecycle: [paid],
    tail: ['--lines', '1'],
    monitor: ['--once'],
    init: ['bank', '--no-install'],
    completion: ['bash'],
    capture: ['cart-1'],
    export: ['--out', 'export.ndjson'],
    import: ['facts.ndjson', '--as-new'],
    'route explain': [paid],
    'store drop': ['--yes'],
    'audit seal': ['--key', path.join(folder, 'key.pem')],
    'audit prove': [paid, '--out', 'another.json'],
    'audit prove-consistency': ['1'],
    'audit check-proof': [`${paid}.proof.json`],
    'audit keys': ['list'],
    'audit export': ['package'],
  };
  const trial = `sqlite:${path.join(folder, 'trial.db')}`;
  const at = verb === 'store' ? ['--store', trial] : [];
  if (verb === 'store' && call !== 'store init') await runCli(['store', 'init', ...at]);
  if (verb === 'audit') await sealed({ definition, cwd: folder, env: {} }, paid);
  const interrupt = new AbortController();
  const { Collected } = await import('../../../test/support/run-cli.js');
  const stdout = new Collected(() => verb === 'tail' && interrupt.abort());
  const io = { definition, stdout, signal: interrupt.signal, cwd: folder, env: process.env };
  const fact = { specversion: '1.0', id: '1', source: '/till', type: 'payment.taken', subject: 'payment-1' };
  fs.writeFileSync(path.join(folder, 'facts.ndjson'), JSON.stringify(fact));
  if (verb === 'check') await runCli(['check', 'record'], { definition, cwd: folder, env: {} });
  await runCli([...call.split(' '), ...(more[call] ?? []), ...at, '--json'], io);
  const { data } = JSON.parse(stdout.text) as { data: object };
  expect(Object.keys(data)).toEqual(documented(call));
});

const FLOW = '<event id \\| correlation id>';

test('the README names every verb with its arguments', async () => {
  for (const { name, load } of VERBS) {
    const { arguments: [first, ...rest] = [] } = await load();
    if (first?.name === '<action>') {
      expect(ACTIONS[name]).toEqual(first.choices);
      for (const action of first.choices!) expect(readme).toContain(`\`${name} ${action}`);
      continue;
    }
    const names = (first ? [first, ...rest] : []).map((it) => it.name);
    const lines =
      name === 'trace'
        ? ['trace', 'trace export'].map((it) => `${it} ${FLOW}`)
        : [[name, ...names].join(' ')];
    for (const line of lines) expect(readme).toContain(`| \`${line}\` |`);
  }
});

test('the guide says of every filter which verbs have it', async () => {
  const guide = fs.readFileSync(path.join(__dirname, '../../../docs/guides/command-line.md'), 'utf8');
  const [, table] = /\| filter \|.*\n\|[-| ]+\n((?:\|.*\n)+)/.exec(guide)!;
  const said = table!.split('\n').flatMap((row) => {
    const [, filters = '', , verbs = ''] = row.split(' | ').length > 1 ? ['', ...row.split(' | ')] : [];
    const named = (text: string) => [...text.matchAll(/`([\w-]+)`/g)].map(([, it]) => it!);
    return named(filters).flatMap((filter) => named(verbs).map((verb) => `${filter} ${verb}`));
  });
  const filters = new Set(said.map((it) => it.split(' ')[0]));
  const there: string[] = [];
  for (const { name, load } of VERBS)
    for (const { flags } of (await load()).options ?? []) there.push(`${flags.split(' ')[0]} ${name}`);
  const other = [
    'replay',
    'bisect',
    'check',
    'diff',
    'init',
    'route',
    'subscriptions',
    'projections',
    'verify',
  ];
  const byName = ['--after streams', '--after schedules'];
  const wanted = there.filter((it) => filters.has(it.split(' ')[0]) && !other.includes(it.split(' ')[1]!));
  expect(said.sort()).toEqual(wanted.filter((it) => !byName.includes(it)).sort());
  const all = [...FILTERS, ...BOUNDS].map(({ flags }) => flags.split(' ')[0]);
  expect([...filters, '--backwards'].sort()).toEqual([...new Set(all)].sort());
});

test('the guide names every verb as the answer to a question', () => {
  const guide = fs.readFileSync(path.join(__dirname, '../../../docs/guides/command-line.md'), 'utf8');
  const named = [...guide.matchAll(/^\| [A-Z].*\? \| `([\w-]+)` \|/gm)].map(([, it]) => it);
  expect(named.sort()).toEqual(VERBS.map(({ name }) => name).sort());
});
