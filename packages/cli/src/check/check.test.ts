import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Recorder } from '@backstory/core';
import { stateAt } from '@backstory/replay';
import { defineBackstory, sqlite, type App } from 'backstory';
import { MemoryEventStore } from '@backstory/core/store';
import { MemoryStateStore } from '@backstory/core/state';
import { runCli, runJson } from '../../../../test/support/run-cli';
import {
  BUILDS,
  CHANGES,
  IMPURE_BEGINNINGS,
  REFACTORINGS,
  type Build,
} from '../../../../test/support/planted-builds';

let folder: string;
beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-check-'))));
afterEach(() => fs.rmSync(folder, { recursive: true }));

const BASE = BUILDS[0]!;

/** Eight accounts with whatever can happen to them, in an order that is the same every time. */
async function recorded() {
  const events = new MemoryEventStore();
  const storage = {
    description: 'memory',
    open: async () => ({ events, state: new MemoryStateStore(), close: async () => undefined }),
  };
  const of = ({ cls }: Build) => defineBackstory({ name: 'bank', store: storage, aggregates: [cls] });
  const app: App = await of(BASE).start({ schedules: false });
  let seed = 7;
  const next = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let account = 0; account < 8; account++) {
    const stream = `account-${account}`;
    const made = Array.from({ length: 12 + next(20) }, () => BASE.event(next(BASE.events), next(500)));
    await app.record(stream, [BASE.event(0, account), ...made]);
  }
  return { of, events, storage };
}

type Log = Awaited<ReturnType<typeof recorded>>;
const io = (log: Log, build: Build) => ({ definition: log.of(build), cwd: folder });
const check = async (log: Log, build: Build, ...argv: string[]) => {
  const { exitCode, envelope } = await runJson(['check', ...argv], io(log, build));
  return { exitCode, ...envelope };
};

/** The first version of each account at which two builds make different states, with the event's type and the properties. */
async function firstDifferences({ events }: Log, one: Build, other: Build) {
  const found: Record<string, { version: number; type: string | null; fields: string[] }> = {};
  for (let account = 0; account < 8; account++) {
    const stream = `account-${account}`;
    const at = async ({ cls }: Build, atVersion: number) =>
      (await stateAt({ events, aggregates: [cls] }, stream, { atVersion })).state as Record<string, unknown>;
    for (let version = 0; !found[stream]; version++) {
      let states;
      try {
        states = [await at(one, version), await at(other, version)] as const;
      } catch {
        break;
      }
      const [a, b] = states;
      const fields = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter(
        (name) => sorted(a[name]) !== sorted(b[name]),
      );
      if (fields.length === 0) continue;
      const type = version === 0 ? null : await typeAt(events, stream, version);
      found[stream] = { version, type, fields: fields.sort() };
    }
  }
  return found;
}

async function typeAt(events: MemoryEventStore, stream: string, version: number): Promise<string> {
  for await (const page of events.readStream(stream, { after: version - 1, upTo: version }))
    return page.events[0]!.type;
  throw new Error(`${stream} has no version ${version}`);
}

/** How many streams differ alike: by the same type, in the same properties. */
function alike(found: readonly { type: string | null; fields: readonly string[]; streams: number }[]) {
  const groups: Record<string, number> = {};
  for (const { type, fields, streams } of found) {
    const group = `${type} ${[...fields].sort().join()}`;
    groups[group] = (groups[group] ?? 0) + streams;
  }
  return groups;
}

test.each(CHANGES)('a change that %s is found at its first event, in each stream', async (_, build) => {
  const log = await recorded();
  expect(await check(log, BASE, 'record')).toMatchObject({ exitCode: 0 });
  const wanted = await firstDifferences(log, BASE, build);
  expect(Object.keys(wanted).length).toBeGreaterThan(0);
  const { exitCode, data } = await check(log, build);
  expect(exitCode).toBe(1);
  const diverged = data.findings.filter((it: { kind: string }) => it.kind === 'diverged');
  // Of each group no more than some streams are named: of all others it is known how many there are.
  expect(alike(diverged)).toEqual(alike(Object.values(wanted).map((it) => ({ ...it, streams: 1 }))));
  for (const { examples, type, fields } of diverged)
    for (const { stream, version } of examples)
      expect({ stream, version, type, fields: [...fields].sort() }).toEqual({ stream, ...wanted[stream] });
});

test.each(REFACTORINGS)('a refactoring that %s is not reported', async (_, build) => {
  const log = await recorded();
  await check(log, BASE, 'record');
  expect(await check(log, build)).toMatchObject({ exitCode: 0, data: { findings: [], streams: 8 } });
});

test('streams that differ only alike are one line, with where to look', async () => {
  const log = await recorded();
  await check(log, BASE, 'record');
  const { stdout, exitCode } = await runCli(['check', '--junit', 'out.xml'], io(log, CHANGES[0]![1]));
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(
    /^Not the same: of 8 streams, \d+ events\n\ndiverged {2}account: account\.deposited makes balance another in 8 streams\n {4}account-0 v\d+, account-1 v\d+, account-2 v\d+ and more\n {4}balance is now -?\d+\n {4}backstory replay account-0 --from/,
  );
  const xml = fs.readFileSync(path.join(folder, 'out.xml'), 'utf8');
  expect(xml).toContain('<testsuites name="backstory check" tests="1" failures="1">');
  expect(xml).toContain('account: account.deposited makes balance another in 8 streams');
  expect(fs.readdirSync(folder).sort()).toEqual(['backstory-check.ndjson', 'out.xml']);
});

test('what was meant to change is left out or called by its new name', async () => {
  const log = await recorded();
  await check(log, BASE, 'record');
  const changed = CHANGES[0]![1];
  expect(await check(log, changed, '--ignore', 'balance')).toMatchObject({ exitCode: 0 });
  expect(await check(log, changed, '--ignore', 'account:balance')).toMatchObject({ exitCode: 0 });
  const renamed = BUILDS.find((it) => it.name === 'renamed')!;
  expect(await check(log, renamed)).toMatchObject({ exitCode: 1 });
  expect(await check(log, renamed, '--map', 'note=remark')).toMatchObject({ exitCode: 0 });
  for (const argv of [
    ['--ignore', 'balanc'],
    ['--ignore', 'other:balance'],
    ['--ignore', 'limit.amount'],
    ['--map', 'notes=remark'],
    ['--map', 'note=remarks'],
  ]) {
    const { exitCode, error } = await check(log, renamed, ...argv);
    expect([exitCode, error?.facts['reason']]).toEqual([2, 'unknown-property']);
    expect(error?.message).toContain(
      `: no state had ${argv[1]!.replace(argv[1] === 'note=remarks' ? 'note=' : /=.*/, '')}.`,
    );
  }
  expect(fs.readdirSync(folder)).toEqual(['backstory-check.ndjson']);
});

test('what is recorded later is no part of what was recorded, nor are streams that are new', async () => {
  const log = await recorded();
  await check(log, BASE, 'record');
  const app = await log.of(BASE).start({ schedules: false });
  await app.record('account-0', [BASE.event(0, 5)]);
  await app.record('account-99', [BASE.event(0, 5)]);
  expect(await check(log, BASE)).toMatchObject({ exitCode: 0, data: { streams: 8 } });
});

test('--last-only looks at the end of each stream, --sample at some streams, the same ones every time', async () => {
  const log = await recorded();
  const whole = (await check(log, BASE, 'record')).data;
  const last = (await check(log, BASE, 'record', '--last-only', '--file', 'last')).data;
  expect([last.streams, last.events]).toEqual([whole.streams, whole.events]);
  expect(last.digest).not.toBe(whole.digest);
  expect(await check(log, CHANGES[0]![1], '--file', 'last')).toMatchObject({
    exitCode: 1,
    data: { findings: [{ type: null, fields: ['balance'] }] },
  });
  const some = (await check(log, BASE, 'record', '--sample', '4', '--file', 'some')).data;
  expect(some.streams).toBeLessThan(8);
  expect((await check(log, BASE, 'record', '--sample', '4', '--file', 'some')).data.digest).toBe(some.digest);
});

test('an interrupted run goes on where it was, to the same digest', async () => {
  const log = await recorded();
  const app = await log.of(BASE).start({ schedules: false });
  for (let i = 0; i < 300; i++) await app.record(`account-more-${i}`, [BASE.event(0, i)]);
  const { digest } = (await check(log, BASE, 'record', '--file', 'whole')).data;
  const interrupt = new AbortController();
  let reads = 0;
  const events = new Proxy(log.events, {
    get: (target, name) => {
      if (name === 'readStream' && ++reads > 150) interrupt.abort();
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const store = { ...log.storage, open: async () => ({ ...(await log.storage.open()), events }) };
  const definition = defineBackstory({ name: 'bank', store, aggregates: [BASE.cls] });
  const ran = await runCli(['check', 'record'], { definition, cwd: folder, signal: interrupt.signal });
  expect(ran.exitCode).toBe(130);
  const part = path.join(folder, 'backstory-check.ndjson.part');
  const lines = fs.readFileSync(part, 'utf8').split('\n').length;
  expect(lines).toBeGreaterThan(100);
  // What a killed process has left of its last line is not taken for a line.
  fs.appendFileSync(part, '{"stream":"account-zz","ver');
  reads = -Infinity;
  const resumed = await check(log, BASE, 'record', '--resume');
  expect(resumed.data).toMatchObject({ digest, streams: 308 });
  fs.copyFileSync(path.join(folder, 'whole'), part);
  expect(await check(log, CHANGES[0]![1], 'record', '--resume')).toMatchObject({
    exitCode: 3,
    error: { code: 'BACKSTORY_UNUSABLE_RECORD', facts: { problem: 'other-options' } },
  });
});

test('a handler that asks for the clock, chance, a timer or a file is named', async () => {
  const log = await recorded();
  await check(log, BASE, 'record');
  for (const [name, what] of [
    ['clock', 'clock (Date.now)'],
    ['date', 'clock (new Date)'],
    ['random', 'random (Math.random)'],
    ['uuid', 'random (crypto.randomUUID)'],
    ['timer', 'timer (setTimeout)'],
    ['file', 'input and output (fs.existsSync)'],
    ['contents', 'input and output (fs.readFileSync)'],
    ['name', 'input and output (dns.lookup)'],
    ['nanoseconds', 'clock (process.hrtime.bigint)'],
    ['format', 'clock (Intl.DateTimeFormat)'],
    ['parts', 'clock (Intl.DateTimeFormat)'],
    ['turn', 'timer (timers/promises.setImmediate)'],
    ['promise', 'promise (new Promise)'],
    ['later', 'promise (new Promise)'],
    ['counter', 'another result the second time'],
  ]) {
    const build = BUILDS.find((it) => it.name === name)!;
    const { data, exitCode } = await check(log, build, '--twice', '--ignore', 'note');
    expect(exitCode).toBe(1);
    const impure = data.findings.filter((it: { kind: string }) => it.kind === 'impure');
    expect([name, impure]).toEqual([name, [expect.anything()]]);
    expect(impure[0]).toMatchObject({ handler: 'Account.noted', type: 'account.noted', detail: what });
  }
  expect(Math.random.toString()).toContain('native code');
});

test.each(IMPURE_BEGINNINGS)(
  'a state that begins with what it asks for (%s) is named',
  async (_, build, what) => {
    const log = await recorded();
    for (const argv of [['record'], ['record', '--twice']]) {
      const { exitCode, data } = await check(log, build, ...argv);
      expect(exitCode).toBe(1);
      expect(data.findings).toMatchObject([{ kind: 'impure', handler: 'Account', type: null, detail: what }]);
    }
    const { stdout } = await runCli(['check', 'record'], io(log, build));
    expect(stdout).toContain(`account: Account begins a stream, and asks for ${what}`);
  },
);

test('a resumed run tells what was found before it was interrupted', async () => {
  const log = await recorded();
  const app = await log.of(BASE).start({ schedules: false });
  await app.record('account-more', [BASE.event(1, 1)]);
  const clock = BUILDS.find((it) => it.name === 'clock')!;
  const whole = await check(log, clock, 'record');
  expect(whole).toMatchObject({ exitCode: 1, data: { findings: [{ kind: 'impure' }] } });
  const file = path.join(folder, 'backstory-check.ndjson');
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  fs.writeFileSync(`${file}.part`, lines.slice(0, 9).join('\n') + '\n');
  const { exitCode, data } = await check(log, clock, 'record', '--resume');
  expect({ exitCode, data }).toEqual({ exitCode: 1, data: whole.data });
});

test('what a build keeps of the platform when it is loaded is watched', () => {
  fs.writeFileSync(
    path.join(folder, 'backstory.config.ts'),
    `import { Aggregate, DomainEvent, EventHandler, EventSourcedAggregate, defineBackstory, sqlite } from 'backstory';
    const { now } = Date;
    const { random } = Math;
    @DomainEvent('lot.drawn') class Drawn {}
    @Aggregate('lot') class Lot extends EventSourcedAggregate {
      at = 0;
      chance = 0;
      @EventHandler(Drawn) protected drawn() { this.at = now(); this.chance = random(); }
    }
    export default defineBackstory({ name: 'lots', store: sqlite('lots.db'), aggregates: [Lot] });`,
  );
  const history = path.join(folder, 'lots.ndjson');
  const event = {
    specversion: '1.0',
    id: 'a',
    source: 'test',
    type: 'lot.drawn',
    subject: 'lot-1',
    data: {},
  };
  fs.writeFileSync(history, `${JSON.stringify(event)}\n`);
  const run = (...argv: string[]) =>
    spawnSync(process.execPath, [path.join(__dirname, '../../bin/backstory.js'), ...argv], {
      cwd: folder,
      encoding: 'utf8',
    });
  expect(run('store', 'init').stderr).toBe('');
  expect(run('import', 'lots.ndjson', '--as-new')).toMatchObject({ status: 0 });
  for (const workers of ['0', '1']) {
    const { stdout } = run('check', 'record', '--workers', workers, '--json');
    const { findings } = (JSON.parse(stdout) as { data: { findings: { detail: string }[] } }).data;
    expect(findings.map((it) => it.detail).sort()).toEqual(['clock (Date.now)', 'random (Math.random)']);
  }
});

test('a record that is missing, damaged, unfinished or of another log is refused with what to do', async () => {
  const log = await recorded();
  const problem = async (...argv: string[]) => (await check(log, BASE, ...argv)).error?.facts['problem'];
  expect(await problem()).toBe('missing');
  const file = path.join(folder, 'backstory-check.ndjson');
  fs.writeFileSync(file, 'no json\n');
  expect(await problem()).toBe('format');
  fs.rmSync(file);
  await check(log, BASE, 'record');
  const text = fs.readFileSync(file, 'utf8').trim().split('\n');
  fs.writeFileSync(file, text.slice(0, -1).join('\n'));
  expect(await problem()).toBe('unfinished');
  fs.writeFileSync(file, [text[0], '{"stream', ...text.slice(2)].join('\n'));
  expect(await problem()).toBe('format');
  await check(await recorded(), BASE, 'record');
  expect(await problem()).toBe('other-log');
  for (const argv of [
    ['record', '--against', 'x'],
    ['record', '--junit', 'x'],
    ['--sample', '3'],
    ['--category', 'account'],
    ['--map', 'x'],
    ['record', '--category', 'nope'],
  ])
    expect(await check(log, BASE, ...argv)).toMatchObject({
      exitCode: 2,
      error: { code: 'BACKSTORY_USAGE' },
    });
  expect(await check(log, BASE, '--against', 'nowhere')).toMatchObject({
    exitCode: 3,
    error: { code: 'BACKSTORY_CONFIGURATION', message: expect.stringContaining('check --against.') },
  });
});

test('in threads, and against another build, the answer is the same', async () => {
  const source = (amount: string) => `
    import { Aggregate, DomainEvent, EventHandler, EventSourcedAggregate, defineBackstory, sqlite } from 'backstory';
    import { appendIds } from '@backstory/core/store';
    void appendIds;
    @DomainEvent('account.deposited') class Deposited { constructor(readonly amount: number) {} }
    @Aggregate('account') class Account extends EventSourcedAggregate {
      balance = 0;
      @EventHandler(Deposited) protected deposited(event: Deposited) { this.balance += ${amount}; }
    }
    export default defineBackstory({ name: 'bank', store: sqlite('bank.db'), aggregates: [Account] });`;
  const store = await sqlite(path.join(folder, 'bank.db')).open();
  const recorder = new Recorder(store.events, { source: 'test' });
  for (let i = 0; i < 250; i++) {
    const events = [1, 7, 200].map((amount) => ({
      type: 'account.deposited',
      data: JSON.stringify({ amount: amount + i }),
    }));
    await recorder.record([{ stream: `account-${i}`, expected: 'none', events }]);
  }
  const head = await store.events.identity();
  await store.close();
  fs.mkdirSync(path.join(folder, 'old'));
  fs.writeFileSync(
    path.join(folder, 'backstory.config.ts'),
    source('event.amount > 400 ? 400 : event.amount'),
  );
  fs.writeFileSync(path.join(folder, 'old', 'backstory.config.ts'), source('event.amount'));
  const bin = path.join(__dirname, '../../bin/backstory.js');
  const run = (...argv: string[]) => {
    const { stdout, status } = spawnSync(process.execPath, [bin, ...argv, '--json'], {
      cwd: folder,
      encoding: 'utf8',
    });
    return { status, ...(JSON.parse(stdout) as { data: any }) };
  };
  const threads = run('check', 'record', '--workers', '2');
  expect(threads).toMatchObject({ status: 0, data: { streams: 250, events: 750 } });
  expect(run('check', 'record', '--workers', '0').data.digest).toBe(threads.data.digest);
  expect(run('check')).toMatchObject({ status: 0, data: { findings: [] } });
  const against = run('check', '--against', 'old', '--workers', '2');
  expect(against).toMatchObject({
    status: 1,
    data: {
      streams: 250,
      findings: [
        {
          kind: 'diverged',
          type: 'account.deposited',
          fields: ['balance'],
          streams: 49,
          examples: [{ stream: 'account-201', version: 3 }, {}, {}],
          values: [{ field: 'balance', before: 201 * 3 + 208, after: 201 * 2 + 8 + 400 }],
        },
      ],
    },
  });
  expect(fs.readdirSync(folder).filter((it) => it.startsWith('backstory-check'))).toEqual([
    'backstory-check.ndjson',
  ]);
  fs.writeFileSync(path.join(folder, 'backstory.config.ts'), 'export default 7;');
  expect(run('check')).toMatchObject({ status: 3, error: { code: 'BACKSTORY_CONFIGURATION' } });
  const again = await sqlite(path.join(folder, 'bank.db')).open({ readOnly: true });
  expect(await again.events.identity()).toEqual(head);
  await again.close();
});

test('a file that cannot be written is told before anything is folded', async () => {
  const log = await recorded();
  await check(log, BASE, 'record');
  const events = new Proxy(log.events, {
    get: (target, name) => {
      if (name === 'readStream') throw new Error('it was folded');
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const store = { ...log.storage, open: async () => ({ ...(await log.storage.open()), events }) };
  const definition = defineBackstory({ name: 'bank', store, aggregates: [BASE.cls] });
  for (const [option, ...argv] of [
    ['--junit', 'check', '--junit', 'nowhere/x.xml'],
    ['--junit', 'check', '--junit', '.'],
    ['--file', 'check', 'record', '--file', 'nowhere/x'],
    ['--out', 'export', '--out', 'nowhere/x'],
    ['--out', 'export', '--format', 'xes', '--category', 'account', '--out', 'nowhere/x'],
    ['--out', 'capture', 'account-0', '--out', 'nowhere/x'],
    ['--test', 'capture', 'account-0', '--test', 'nowhere/x'],
  ]) {
    const { exitCode, envelope } = await runJson(argv, {
      definition: argv[0] === 'capture' ? log.of(BASE) : definition,
      cwd: folder,
    });
    expect([argv, exitCode, envelope.error?.facts['reason']]).toEqual([argv, 2, 'not-writable']);
    expect(envelope.error?.message).toContain(`Give another ${option}.`);
  }
  expect(fs.readdirSync(folder)).toEqual(['backstory-check.ndjson']);
});

test.each([
  ['check', 'record', '--file'],
  ['check', '--junit'],
])('%s %s writes over what it has written itself, and over nothing else', async (...argv) => {
  const log = await recorded();
  await check(log, BASE, 'record');
  const run = () => runJson([...argv, 'out'], { definition: log.of(BASE), cwd: folder });
  expect((await run()).exitCode).toBe(0);
  expect((await run()).exitCode).toBe(0);
  const out = path.join(folder, 'out');
  fs.writeFileSync(out, 'SQLite format 3\0');
  expect(await run()).toMatchObject({
    exitCode: 2,
    envelope: { error: { message: expect.stringContaining('is something else than is written here') } },
  });
  expect(fs.readFileSync(out, 'utf8')).toBe('SQLite format 3\0');
});

test('the log is as it was', async () => {
  const log = await recorded();
  const before = await log.events.identity();
  await check(log, BASE, 'record');
  await check(log, BASE);
  expect(await log.events.identity()).toEqual(before);
});

function sorted(value: unknown): string {
  return JSON.stringify(value, (_, it: unknown) =>
    typeof it === 'object' && it !== null && !Array.isArray(it)
      ? Object.fromEntries(Object.entries(it).sort(([a], [b]) => (a < b ? -1 : 1)))
      : it,
  );
}
