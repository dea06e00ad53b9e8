import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Storage, StoredEvent } from '@backstory/core';
import { sqlite } from '@backstory/sqlite';
import { behindItsBack } from '../../../../test/support/behind-its-back.js';
import { Collected, runCli, runJson } from '../../../../test/support/run-cli';
import { fillShop, shopOn, type Shop } from '../../../../test/support/shop';

let cwd: string;
let definition: Shop;
const audit = (...argv: string[]) => runCli(['audit', ...argv], { cwd, definition });
const json = (...argv: string[]) => runJson(['audit', ...argv], { cwd, definition });
const here = (name: string) => path.join(cwd, name);

beforeEach(async () => {
  cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-cli-audit-'));
  definition = shopOn(sqlite(here('shop.db'), { driver: 'libsql' }));
  await definition.run(fillShop);
});
afterEach(() => fs.rmSync(cwd, { recursive: true }));

async function sealed() {
  expect(await audit('keys', 'create', '--key', 'key.pem')).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await audit('seal', '--key', 'key.pem', '--actor', 'ann')).toMatchObject({
    exitCode: 0,
    stderr: '',
  });
}

const tamper = (sql: string) => behindItsBack(here('shop.db'), sql);

test('a key, a seal, a log that is as it was, and one that is not', async () => {
  const made = await audit('keys', 'create', '--key', 'key.pem');
  expect(made).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^Key [0-9a-f]{16} was made, not encrypted/),
  });
  if (process.platform !== 'win32') expect(fs.statSync(here('key.pem')).mode & 0o777).toBe(0o600);
  const sealing = await audit('seal', '--key', 'key.pem', '--actor', 'ann');
  expect(sealing.stdout).toMatch(/^Seal 1 covers 6 events, 6 of them new, up to position 6\.\n/);
  expect(await audit('seal', '--key', 'key.pem')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^Nothing was recorded since seal 1 of /),
  });
  const fine = await audit('verify', '--anchor', 'audit/head.json');
  expect(fine).toMatchObject({ exitCode: 0, stderr: '' });
  expect(fine.stdout).toMatch(/^Nothing that was sealed has changed: 6 events in 1 seal\.\n/);
  expect(fine.stdout).toContain('not sealed yet: position 7\n1 anchor agrees\n');
  expect((await audit('verify')).stdout).toContain('No --anchor was given');
  expect((await runCli(['events', '--category', '_audit', '--full'], { cwd, definition })).stdout).toContain(
    'ann',
  );

  tamper(
    `UPDATE events SET data = '{"sku":"pen","quantity":200}' WHERE position = 2; DELETE FROM events WHERE position = 4`,
  );
  const found = await audit('verify');
  expect(found).toEqual({
    exitCode: 1,
    stdout:
      'position 2: cart.line-added (cart-1 v2) was altered: its data\n' +
      'position 4: cart.line-added (cart-1 v4) is missing\n' +
      '4 of 6 sealed events are as they were, each at its place.\n\n',
    stderr: 'error: 2 things are not as they were sealed.\n',
  });
  const { exitCode, envelope } = await json('verify');
  expect({ exitCode, code: envelope.error?.code }).toEqual({ exitCode: 1, code: 'BACKSTORY_AUDIT_FINDINGS' });
  expect(envelope.error?.facts).toMatchObject({
    verification: {
      count: 2,
      findings: [
        { kind: 'altered', position: 2 },
        { kind: 'missing', position: 4 },
      ],
    },
  });
});

test('an event that was altered together with its seal file is not said to be as it was', async () => {
  await sealed();
  const [, event] = (await runJson(['events', '--stream', 'cart-1'], { cwd, definition })).envelope.data
    .events;
  const hash = (text: string) => createHash('sha256').update(text).digest('hex');
  const [was, now] = [JSON.stringify(event.data), '{"sku":"pen","quantity":200}'];
  tamper(`UPDATE events SET data = '${now}' WHERE position = ${event.position}`);
  const file = here('audit/seals/000001.seal');
  const lines = fs.readFileSync(file, 'utf8');
  expect(lines).toContain(hash(was));
  fs.writeFileSync(file, lines.replace(hash(was), hash(now)));
  const { exitCode, stdout } = await audit('verify');
  expect(exitCode).toBe(1);
  expect(stdout).toContain('seal 1');
  expect(stdout).not.toContain('as they were');
});

/** The log of a database in which bytes stand in place of the data at a position. */
function withBytesAt(storage: Storage, at: number): Storage {
  const open: Storage['open'] = async (options) => {
    const opened = await storage.open(options);
    const events = Object.create(opened.events, { readTexts: {} }) as typeof opened.events;
    events.readAll = async function* (query) {
      for await (const page of opened.events.readAll(query)) {
        const bytesIn = (it: StoredEvent) => ({ ...it, data: Buffer.from(it.data) as unknown as string });
        yield { ...page, events: page.events.map((it) => (it.position === at ? bytesIn(it) : it)) };
      }
    };
    return { ...opened, events, close: () => opened.close() };
  };
  return { ...storage, open };
}

test('what cannot be sealed is said by verify, which spares what is', async () => {
  await sealed();
  await definition.run(fillShop);
  definition = shopOn(withBytesAt(sqlite(here('shop.db'), { driver: 'libsql' }), 9));
  expect(await audit('seal', '--key', 'key.pem')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('run "backstory audit verify"'),
  });
  const found = await audit('verify', '--anchor', 'audit/head.json');
  expect(found).toMatchObject({ exitCode: 1, stderr: 'error: One thing is not as it was sealed.\n' });
  expect(found.stdout).toMatch(/^position 9: the store cannot read what stands here: .* from a backup\.\n/);
  expect(found.stdout).toContain('\n6 of 6 sealed events are as they were, each at its place.\n');
});

test('a proof of one event, checked without the log; and that one seal contains another', async () => {
  await sealed();
  const [event] = (await runJson(['events', '--stream', 'payment-9'], { cwd, definition })).envelope.data
    .events;
  const proving = await audit('prove', event.id, '--payload', '--out', 'proof.json');
  expect(proving).toMatchObject({ exitCode: 0, stdout: `The proof is in ${here('proof.json')}\n` });
  await audit('keys', 'public', '--out', 'public.pem');
  fs.renameSync(here('shop.db'), here('gone.db'));
  const checked = await audit('check-proof', 'proof.json', '--key', 'public.pem');
  expect(checked).toMatchObject({ exitCode: 0, stderr: '' });
  expect(checked.stdout).toMatch(/^PROVEN: payment\.taken is version 1 of payment-9, at position 5\.\n/);
  expect(checked.stdout).toContain('data: {"amount":7}');
  expect((await audit('check-proof', 'proof.json')).exitCode).toBe(0);
  fs.writeFileSync(
    here('proof.json'),
    fs.readFileSync(here('proof.json'), 'utf8').replace('amount\\":7', 'amount\\":8'),
  );
  expect(await audit('check-proof', 'proof.json')).toEqual({
    exitCode: 1,
    stdout: '',
    stderr: 'error: The data shown is not what was sealed.\n',
  });
  fs.renameSync(here('gone.db'), here('shop.db'));
  fs.copyFileSync(here('audit/head.json'), here('kept.json'));
  await definition.run(fillShop);
  await audit('seal', '--key', 'key.pem');
  for (const earlier of ['1', 'kept.json']) {
    const out = `from-${earlier}`;
    expect((await audit('prove-consistency', earlier, '--out', out)).exitCode).toBe(0);
    expect((await audit('check-proof', out)).stdout).toMatch(
      /^PROVEN: seal 2 of .* contains all 6 events of seal 1/,
    );
  }
  expect(await audit('prove', event.id, '--out', 'no/p.json')).toMatchObject({ exitCode: 2 });
  expect(await audit('prove-consistency', '2', '1')).toMatchObject({ exitCode: 1, stdout: '' });
  expect(await audit('prove', 'nobody')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('Event nobody is not among what seal 2 covers'),
  });
  // From the log alone, where the folder has no seals.
  fs.rmSync(here('audit/seals'), { recursive: true });
  expect((await audit('prove', event.id)).stdout).toContain(`${event.id}.proof.json`);
  expect((await audit('check-proof', `${event.id}.proof.json`)).exitCode).toBe(0);
});

test('keys are added, rotated and revoked', async () => {
  await sealed();
  expect((await audit('keys', 'add', '--key', 'key.pem', '--new-key', 'spare.pem')).exitCode).toBe(0);
  const rotated = await audit(
    'keys',
    'rotate',
    '--key',
    'key.pem',
    '--new-key',
    'next.pem',
    '--reason',
    'yearly',
  );
  expect(rotated.stdout).toContain('its seals up to seal 1 stay good');
  expect(await audit('seal', '--key', 'key.pem')).toMatchObject({
    exitCode: 3,
    stderr: expect.stringContaining('is retired in this key ring'),
  });
  const { keys } = (await json('keys', 'list')).envelope.data;
  expect(keys.map(({ status, lastSeal, reason }: any) => [status, lastSeal, reason])).toEqual([
    ['retired', 1, 'yearly'],
    ['in-force', null, null],
    ['in-force', null, null],
  ]);
  expect((await audit('keys', 'revoke', keys[2].keyId.slice(0, 12), '--key', 'spare.pem')).exitCode).toBe(0);
  expect((await audit('keys', 'list')).stdout).toMatch(/retired .*\n.*in-force .*\n.*revoked /);
  await definition.run(fillShop);
  expect((await audit('seal', '--key', 'spare.pem')).exitCode).toBe(0);
  expect((await audit('verify')).exitCode).toBe(0);
});

test('the public key that is given is that of the last seal', async () => {
  await audit('keys', 'create', '--key', 'key.pem');
  await audit('keys', 'add', '--key', 'key.pem', '--new-key', 'spare.pem');
  expect(await audit('keys', 'public')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('Several keys of this ring are in force'),
  });
  await audit('keys', 'rotate', '--key', 'key.pem', '--new-key', 'next.pem');
  await definition.run(fillShop);
  expect((await audit('seal', '--key', 'next.pem')).exitCode).toBe(0);
  const { keys } = (await json('keys', 'list')).envelope.data;
  expect((await json('keys', 'public')).envelope.data).toMatchObject({ keyId: keys[2].keyId });
});

test('a key that no ring names in the end is not left behind', async () => {
  await sealed();
  await audit('keys', 'rotate', '--key', 'key.pem', '--new-key', 'next.pem');
  const [{ keyId }] = (await json('keys', 'list')).envelope.data.keys;
  const refused: string[][] = [
    ['rotate', '--retire', keyId, '--key', 'next.pem'],
    ['rotate', '--key', 'key.pem'],
    ['add', '--key', 'key.pem'],
  ];
  for (const argv of refused) {
    const { stderr } = await audit('keys', ...argv, '--new-key', 'left.pem');
    expect({ argv, stderr }).toEqual({
      argv,
      stderr: expect.stringMatching(/is retired in this key ring|was not in force/),
    });
    expect(fs.existsSync(here('left.pem'))).toBe(false);
  }
  // Nor where nobody knows the key that is to end, or the log cannot be opened.
  const rotate = ['audit', 'keys', 'rotate', '--key', 'next.pem', '--new-key', 'left.pem'];
  const elsewhere = shopOn(sqlite(here('none.db'), { driver: 'libsql' }));
  expect((await runCli([...rotate, '--retire', 'deadbeef00'], { cwd, definition })).exitCode).toBe(2);
  expect((await runCli(rotate, { cwd, definition: elsewhere })).exitCode).toBe(3);
  expect(fs.existsSync(here('left.pem'))).toBe(false);
});

test('a lost key is retired by another, also where the seals lie elsewhere; a stolen one proves nothing', async () => {
  await sealed();
  await audit('keys', 'add', '--key', 'key.pem', '--new-key', 'spare.pem');
  const [{ keyId }] = (await json('keys', 'list')).envelope.data.keys;
  expect(await audit('keys', 'revoke', keyId, '--key', 'spare.pem')).toMatchObject({ exitCode: 0 });
  const [event] = (await runJson(['events', '--stream', 'payment-9'], { cwd, definition })).envelope.data
    .events;
  expect(await audit('prove', event.id)).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('Seal 1 proves nothing: its key was revoked'),
  });
  expect((await audit('seal', '--key', 'spare.pem')).stdout).toMatch(/^Seal 2 covers/);
  expect((await audit('prove', event.id)).exitCode).toBe(0);
  expect((await audit('prove-consistency', '1', '2')).stderr).toContain('verify --anchor');
  await audit('keys', 'add', '--key', 'spare.pem', '--new-key', 'third.pem');
  fs.renameSync(here('audit/seals'), here('elsewhere'));
  const [, spare, third] = (await json('keys', 'list')).envelope.data.keys;
  const rotated = await audit(
    ...['keys', 'rotate', '--retire', spare.keyId, '--key', 'third.pem', '--new-key', 'fourth.pem'],
  );
  expect(rotated.stdout).toContain(`Key ${spare.keyId.slice(0, 16)} is retired: its seals up to seal 2 stay`);
  const { keys } = (await json('keys', 'list')).envelope.data;
  expect(keys.map(({ status }: any) => status)).toEqual(['revoked', 'retired', 'in-force', 'in-force']);
  await audit('keys', 'revoke', keys[3].keyId, '--key', 'third.pem');
  expect(await audit('keys', 'revoke', third.keyId, '--key', 'third.pem')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('It is the last key in force'),
  });
});

test('a key that is encrypted needs its passphrase', async () => {
  const env = { BACKSTORY_AUDIT_PASSPHRASE: 'secret', BACKSTORY_AUDIT_KEY: 'key.pem' };
  const withEnv = (...argv: string[]) => runCli(['audit', ...argv], { cwd, definition, env });
  expect((await withEnv('keys', 'create')).stdout).toContain('was made, encrypted');
  expect((await withEnv('seal')).exitCode).toBe(0);
  expect(await audit('seal', '--key', 'key.pem')).toMatchObject({
    exitCode: 3,
    stderr:
      'error: key.pem: The key is encrypted: give its passphrase, to a command in BACKSTORY_AUDIT_PASSPHRASE.\n',
  });
});

test('a report says who did what, and with which effect', async () => {
  const { stdout, exitCode } = await audit('report', '--stream', 'cart-1', '--actor', 'ann');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^# What was done\n/);
  expect(stdout).toContain('- **who** ann, through shop\n');
  expect(stdout).toContain('- **effect** owner = "Ann" (new)\n');
  expect(stdout).toMatch(/\n2 events\.\n$/);
  expect(await audit('report', '--format', 'html', '--out', 'r.html')).toMatchObject({ exitCode: 0 });
  expect(fs.readFileSync(here('r.html'), 'utf8')).toMatch(/^<!doctype html>.*<p>6 events\.<\/p>/s);
  expect((await audit('report', '--format', 'csv')).stdout.split('\r\n')).toHaveLength(8);
  const { data } = (await json('report', '--type', 'payment.taken')).envelope;
  expect(data.entries).toMatchObject([
    { type: 'payment.taken', cause: { event: { stream: 'cart-1', version: 4 } } },
  ]);
  const none = await audit('report', '--stream', 'nosuch-1');
  expect(none).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('0 events') });
  expect(none.stderr).toMatch(/^No event was chosen: look at --stream/);
  // Without the application everything but the effects is known.
  fs.copyFileSync(here('shop.db'), here('copy.db')); // a file is opened with one driver
  const alone = await runCli(['audit', 'report', '--store', 'sqlite:copy.db'], { cwd });
  expect(alone).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('not known: ') });
  expect(await audit('report', '--format', 'pdf')).toMatchObject({ exitCode: 2 });
});

test('a report as JSON is no other format, and with --out a file', async () => {
  expect(await json('report', '--format', 'html')).toMatchObject({
    exitCode: 2,
    envelope: { error: { message: expect.stringContaining('leave out --format') } },
  });
  const { envelope } = await json('report', '--format', 'html', '--out', 'r.html');
  expect(envelope.data).toEqual({ file: here('r.html') });
  expect(fs.readFileSync(here('r.html'), 'utf8')).toMatch(/^<!doctype html>/);
});

const WRITERS = [
  ['report', '--out'],
  ['keys', 'public', '--out'],
  ['prove-consistency', '1', '2', '--out'],
  ['prove', 'the first', '--out'],
];

test.each(WRITERS)(
  'audit %s writes over no file, and into none that belongs to a database',
  async (...argv) => {
    await sealed();
    await definition.run(fillShop);
    await audit('seal', '--key', 'key.pem');
    const [{ id }] = (await runJson(['events', '--stream', 'cart-1'], { cwd, definition })).envelope.data
      .events;
    const run = (out: string) => audit(...argv.map((it) => (it === 'the first' ? id : it)), out);
    fs.writeFileSync(here('other.db-journal'), 'hot');
    fs.writeFileSync(here('notes'), 'mine');
    for (const out of [
      'shop.db',
      'key.pem',
      'audit/keys.jsonl',
      'audit/head.json',
      'other.db-journal',
      'notes',
    ]) {
      const before = fs.readFileSync(here(out));
      expect(await run(out)).toEqual({
        exitCode: 2,
        stdout: '',
        stderr: `error: ${here(out)} is there already, and nothing is written over it: give another --out.\n`,
      });
      expect(fs.readFileSync(here(out)).equals(before)).toBe(true);
    }
    for (const beside of ['shop.db-wal', 'shop.db-shm', 'shop.db-journal'])
      expect(await run(beside)).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining(`belongs to ${here('shop.db')}: give another --out`),
      });
    expect(await run('new')).toMatchObject({ exitCode: 0 });
    expect(fs.existsSync(here('new.part'))).toBe(false);
    expect(await audit('verify')).toMatchObject({ exitCode: 0 });
  },
);

test('a report into a pipe is only written there', async () => {
  if (process.platform === 'win32') return;
  spawnSync('mkfifo', [here('pipe')]);
  const reader = spawn('cat', [here('pipe')]);
  let read = '';
  reader.stdout.on('data', (chunk: Buffer) => (read += chunk.toString()));
  const ended = once(reader, 'close');
  expect(await audit('report', '--out', 'pipe')).toMatchObject({ exitCode: 0 });
  await ended;
  expect(read).toMatch(/^# What was done\n/);
  expect(fs.statSync(here('pipe')).isFIFO()).toBe(true);
});

test('keys are looked for beside the configuration, as the log is', async () => {
  fs.writeFileSync(here('backstory.config.js'), 'module.exports = {};');
  fs.mkdirSync(here('below'));
  const below = { cwd: here('below') };
  expect(await runCli(['audit', 'keys', 'create', '--key', 'key.pem'], below)).toMatchObject({ exitCode: 0 });
  expect(fs.existsSync(here('audit/keys.jsonl'))).toBe(true);
  expect(fs.existsSync(here('below/key.pem'))).toBe(true);
  expect(await runCli(['audit', 'keys', 'list'], below)).toMatchObject({ exitCode: 0 });
});

test('a package for an auditor checks itself, and says when anything in it was changed', async () => {
  await sealed();
  await definition.run(fillShop); // not sealed, and so in no part of the package
  expect(await audit('export', 'package', '--stream', 'cart-1')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^events: 4, streams: 1; each event with its proof, in /),
  });
  await audit('keys', 'public', '--out', 'public.pem');
  fs.renameSync(here('shop.db'), here('gone.db'));
  const check = (...argv: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [here('package/check.js'), ...argv], {
      cwd,
      encoding: 'utf8',
    });
    return { status, stdout, stderr };
  };
  const proven = {
    status: 0,
    stderr: '',
    stdout: expect.stringMatching(/^PROVEN: all 4 events of this package were in log/),
  };
  expect(check('--key', 'public.pem')).toEqual(proven);
  expect(check().stdout).toContain('compare it with the one that you were given elsewhere');
  // A single proof, by the package's own program or the one beside it.
  const [first] = fs.readFileSync(here('package/proofs.jsonl'), 'utf8').split('\n');
  fs.writeFileSync(here('one.json'), `${first}\n`);
  fs.writeFileSync(here('forged.json'), `${first!.replace('"leafIndex":0', '"leafIndex":1')}\n`);
  for (const program of ['check.js', 'checker/check-proof.js']) {
    const checkOne = (proof: string) =>
      spawnSync(process.execPath, [here(`package/${program}`), proof, '--key', 'public.pem'], { cwd });
    expect(checkOne('one.json')).toMatchObject({ status: 0 });
    expect(checkOne('one.json').stdout.toString()).toMatch(/^PROVEN: /);
    expect(checkOne('forged.json')).toMatchObject({ status: 1 });
  }
  const files = fs.readdirSync(here('package')).sort();
  expect(files).toEqual([
    'README.md',
    'SHA256SUMS',
    'check.js',
    'checker',
    'events.jsonl',
    'head.json',
    'keys.jsonl',
    'package.json',
    'proofs.jsonl',
    'report.csv',
    'report.html',
    'states.jsonl',
  ]);
  expect(fs.readFileSync(here('package/report.html'), 'utf8')).toContain('<p>4 events.</p>');
  expect(JSON.parse(fs.readFileSync(here('package/states.jsonl'), 'utf8'))).toMatchObject({
    stream: 'cart-1',
    version: 4,
    state: { owner: 'Ann' },
  });
  const sums = spawnSync('sha256sum', ['-c', 'SHA256SUMS'], { cwd: here('package') });
  expect(sums.status).toBe(0);
  const events = fs.readFileSync(here('package/events.jsonl'), 'utf8');
  // Whoever changes a file may change its sum as well.
  const changed = (text: string) => {
    fs.writeFileSync(here('package/events.jsonl'), text);
    const sum = createHash('sha256').update(text).digest('hex');
    const all = fs.readFileSync(here('package/SHA256SUMS'), 'utf8');
    fs.writeFileSync(here('package/SHA256SUMS'), all.replace(/^.{64}(?= {2}events)/m, sum));
    return check();
  };
  const lines = events.split('\n');
  expect(changed(events.replace('"pen', '"pan').replace('\\"pen', '\\"pan'))).toMatchObject({
    status: 1,
    stdout: '',
  });
  expect(changed(lines.toSpliced(1, 1).join('\n'))).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('is that of another'),
  });
  expect(changed([...lines.slice(0, 4), lines[0], ''].join('\n'))).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('has no proof'),
  });
  expect(changed(events)).toEqual(proven);
  // The same event in other words, and an event that says it is another version.
  expect(changed(events.replace('{"format"', '{ "format"'))).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('does not stand as it was written'),
  });
  expect(changed(events.replace('"version":1', '"version":9'))).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('is that of another'),
  });
  // What would break a program that takes it for text or a number.
  for (const [member, value] of [
    ['data', /"data":"(?:[^"\\]|\\.)*"/],
    ['position', /"position":\d+/],
    ['stream', /"stream":"[^"]*"/],
  ] as const)
    expect(changed(events.replace(value, `"${member}":{"toString":1}`))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('NOT PROVEN: The '),
    });
  expect(changed([lines[1], lines[0], ...lines.slice(2)].join('\n'))).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('does not follow the one before it'),
  });
  changed(events);
  const sumsText = fs.readFileSync(here('package/SHA256SUMS'), 'utf8');
  fs.writeFileSync(here('package/SHA256SUMS'), sumsText.replace(/^.*report\.csv\n/m, ''));
  expect(check()).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('report.csv lies in the package and is not in SHA256SUMS'),
  });
  fs.writeFileSync(here('package/SHA256SUMS'), sumsText);
  expect(check().stdout).toContain('states and reports in it are worked out from the events, and not proven');
  // A proof under another head, even one that nobody signed, is none.
  const proofs = fs.readFileSync(here('package/proofs.jsonl'), 'utf8');
  const unsigned = proofs.replaceAll(/"signature":"[^"]*"/g, `"signature":"${'A'.repeat(86)}=="`);
  fs.writeFileSync(here('package/proofs.jsonl'), unsigned);
  const unsignedSum = createHash('sha256').update(unsigned).digest('hex');
  fs.writeFileSync(here('package/SHA256SUMS'), sumsText.replace(/^.{64}(?= {2}proofs)/m, unsignedSum));
  expect(check()).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('is signed by a key that you do not believe'),
  });
  fs.writeFileSync(here('package/proofs.jsonl'), proofs);
  fs.writeFileSync(here('package/SHA256SUMS'), sumsText);
  fs.appendFileSync(here('package/report.csv'), 'x');
  expect(check()).toMatchObject({ status: 1, stderr: 'NOT PROVEN: report.csv is not as it was written.\n' });
});

test('a log that is not the one that was sealed is said, and nothing that follows from it', async () => {
  await sealed();
  definition = shopOn(sqlite(here('other.db'), { driver: 'libsql' }));
  await definition.run(fillShop);
  const { exitCode, stdout } = await audit('verify');
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(
    /^this is log .* was sealed: .*\nWhat else differs follows from it: .*--restored.*\n\n$/,
  );
  expect((await audit('verify', '--restored')).stdout).toMatch(
    /position 1: .*was altered|was never sealed there/,
  );
});

test('no package is made of a log that is not as it was sealed, or over another', async () => {
  await sealed();
  fs.mkdirSync(here('used'));
  fs.writeFileSync(here('used/x'), '');
  expect(await audit('export', 'used')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('new or an empty folder'),
  });
  expect(await audit('export', 'key.pem/package')).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('There is no folder'),
  });
  tamper(`UPDATE events SET data = '{}' WHERE position = 2`);
  expect(await audit('export', 'package')).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining('position 2: cart.line-added (cart-1 v2) was altered'),
    stderr: 'error: One thing is not as it was sealed.\n',
  });
  expect(fs.existsSync(here('package'))).toBe(false);
});

test('sealing again and again ends with Ctrl-C', async () => {
  await audit('keys', 'create', '--key', 'key.pem');
  const stop = new AbortController();
  const running = runCli(['audit', 'seal', '--key', 'key.pem', '--every', '1s', '--json'], {
    cwd,
    definition,
    signal: stop.signal,
  });
  while (!fs.existsSync(here('audit/head.json'))) await new Promise((turn) => setTimeout(turn, 5));
  await new Promise((turn) => setTimeout(turn, 20));
  stop.abort();
  const { exitCode, stdout } = await running;
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout.split('\n')[0]!)).toMatchObject({ ok: true, verb: 'audit', data: { sealed: 6 } });
});

test('sealing again and again goes on where another process is sealing', async () => {
  await audit('keys', 'create', '--key', 'key.pem');
  const opened = await sqlite(here('shop.db'), { driver: 'libsql' }).open();
  const lease = await opened.state.acquire('audit:seal', { owner: 'other', ttlMs: 600_000 });
  const stop = new AbortController();
  let told = (_: string) => {};
  const first = new Promise<string>((resolve) => (told = resolve));
  const running = runCli(['audit', 'seal', '--key', 'key.pem', '--every', '1s'], {
    cwd,
    definition,
    signal: stop.signal,
    stderr: new Collected((text) => told(text)),
  });
  expect(await first).toContain('Another process is sealing this log');
  await opened.state.release(lease!);
  while (!fs.existsSync(here('audit/head.json'))) await new Promise((turn) => setTimeout(turn, 5));
  stop.abort();
  expect((await running).exitCode).toBe(0);
  await opened.close();
});

test.each<[string[], number, RegExp]>([
  [['seal'], 2, /Give the private key that signs/],
  [['seal', '--key', 'none.pem'], 2, /none\.pem is not there: .* looked for at \/.*none\.pem\./],
  [['seal', '--key', 'key.pem', '--every', '1x'], 2, /Give a time from 1s to 24d/],
  [['seal', '--anchor', 'x'], 2, /--anchor does not belong to audit seal/],
  [['keys'], 2, /Give create \| add/],
  [['keys', 'make'], 2, /"make" is nothing that is done to keys/],
  [['keys', 'toString'], 2, /nothing that is done to keys/],
  [['keys', 'create', '--key', 'key.pem'], 2, /keys\.jsonl is there already/],
  [['keys', 'add', '--key', 'key.pem', '--new-key', 'key.pem'], 2, /nothing is written over a key/],
  [['keys', 'add', '--key', 'key.pem'], 2, /Say with --new-key/],
  [['keys', 'revoke', 'abc', '--key', 'key.pem'], 2, /Give the id of a key/],
  [['prove'], 2, /Give event id/],
  [['check-proof', 'none.json'], 2, /none\.json is not there: give a file that is/],
  [['check-proof', 'audit'], 2, /audit cannot be read: EISDIR/],
  [['prove-consistency', '7'], 1, /There is no seal 7/],
  [['verify', '--anchor', 'none.json'], 2, /none\.json is not there/],
  [['verify', '--anchor', 'key.pem'], 2, /key\.pem is no head that was kept/],
  [['keys', 'public', '--out', 'key.pem'], 2, /key\.pem is there already, and nothing is written over it/],
  [['prove', 'nobody', '--out', 'proof.json'], 1, /nobody is not among/],
  [['export', 'none', '--stream', 'nosuch-1'], 1, /No event that is sealed was chosen/],
  [['verify', '--dir', 'nowhere'], 3, /has no keys\.jsonl/],
  [['what'], 2, /what/],
  [['verify', 'kept.json'], 2, /"kept\.json" means nothing to audit verify\. .*--anchor <file>/],
  [['report', 'extra'], 2, /"extra" means nothing to audit report/],
  [['seal', 'extra', '--key', 'key.pem'], 2, /"extra" means nothing/],
  [['keys', 'list', 'extra'], 2, /keys list takes no further argument: "extra"/],
  [['keys', 'public', '--out', 'no/p.pem'], 2, /p\.pem cannot be written/],
  [['report', '--out', 'no/r.md'], 2, /r\.md cannot be written/],
  [['keys', 'list', '--key', 'nix'], 2, /--key does not belong to audit keys list/],
  [['keys', 'list', '--new-key', 'y'], 2, /--new-key does not belong/],
  [['keys', 'list', '--reason', 'x'], 2, /--reason does not belong/],
  [['keys', 'create', '--retire', 'x'], 2, /--retire does not belong to audit keys create/],
  [['keys', 'add', '--out', 'x'], 2, /--out does not belong/],
  [['keys', 'revoke', 'x', '--keys', 'x'], 2, /--keys does not belong/],
  [['report', '--from', '2027-01-01', '--to', '2026-01-01'], 2, /give a later --to/],
  [['export', 'new', '--from', '2027-01-01', '--to', '2026-01-01'], 2, /give a later --to/],
  [['verify', '--keys', 'audit/head.json'], 2, /head\.json is no key ring: /],
  [
    ['check-proof', 'audit/head.json', '--key', 'a', '--keys', 'b'],
    2,
    /Give either --key, one public key, or --keys/,
  ],
  [['export', 'no/where'], 2, /There is no folder .*no: make it first/],
])('%j is refused', async (argv, exitCode, message) => {
  await sealed();
  expect(await audit(...argv)).toEqual({ exitCode, stdout: '', stderr: expect.stringMatching(message) });
});
