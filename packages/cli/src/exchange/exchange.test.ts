import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { XMLValidator } from 'fast-xml-parser';
import type { EventStore, Storage } from '@backstory/core';
import { headerIn } from '@backstory/replay/exchange';
import { MemoryStateStore } from '@backstory/core/state';
import { MemoryEventStore } from '@backstory/core/store';
import { sqlite } from '@backstory/sqlite';
import { readXes } from '../../../../examples/xes/read-xes';
import { Terminal, runCli, runJson } from '../../../../test/support/run-cli';
import { Noted, fillShop, shopOn, type Shop } from '../../../../test/support/shop';
import { anEvent, eventsOf, record } from '../../../../test/support/sqlite-files';
import { xesProblems } from '../../../../test/support/xes-structure';
import { ExportFile } from './export-file';

let cwd: string;
let definition: Shop;
const here = (name: string) => path.join(cwd, name);
const text = (name: string) => fs.readFileSync(here(name), 'utf8');
const lines = (name: string) => text(name).trimEnd().split('\n');
const show = (...argv: string[]) => runCli(argv, { cwd, definition });
const json = async (...argv: string[]) => {
  const { exitCode, envelope } = await runJson(argv, { cwd, definition });
  return { exitCode, ...envelope };
};

beforeEach(async () => {
  cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-cli-exchange-'));
  definition = shopOn(sqlite(here('shop.db')));
  await definition.run(fillShop);
});
afterEach(() => fs.rmSync(cwd, { recursive: true }));

async function withFile<T>(name: string, work: (log: EventStore) => Promise<T>): Promise<T> {
  const opened = await sqlite(here(name)).open();
  try {
    return await work(opened.events);
  } finally {
    await opened.close();
  }
}

const allOf = (name: string) => withFile(name, (log) => eventsOf(log, { includeSystem: true }));
const digest = (name: string) =>
  createHash('sha256')
    .update(fs.readFileSync(here(name)))
    .digest('hex');

/** A storage that is there already, with its log. */
function held(events: EventStore): Storage {
  const state = new MemoryStateStore();
  return { description: 'held', open: async () => ({ events, state, close: async () => undefined }) };
}

describe('export', () => {
  test.each([
    [['--stream', 'card-1'], { exitCode: 1, error: { facts: { stream: 'card-1' } } }, /did you mean cart-1/],
    [
      ['--category', 'card'],
      { exitCode: 2, error: { facts: { reason: 'unknown-category' } } },
      /no stream of the/,
    ],
  ])('of %j, which is not there, is refused and leaves nothing', async (which, refused, message) => {
    for (const more of [[], ['--format', 'xes']]) {
      const ran = await json('export', ...which, ...more, '--out', 'none');
      expect(ran).toMatchObject(refused);
      expect(ran.error!.message).toMatch(message);
    }
    expect(fs.readdirSync(cwd).filter((it) => it.startsWith('none'))).toEqual([]);
  });

  test('of everything, restored, is the same log to the letter; neither changes what it reads', async () => {
    await withFile('shop.db', (log) => record(log, '_shop-notes', anEvent('_shop.noted')));
    const before = digest('shop.db');
    const made = await show('export', '--system', '--out', 'all.ndjson');
    expect(made).toMatchObject({ exitCode: 0, stderr: '' });
    expect(made.stdout).toMatch(/^7 events in all\.ndjson, up to position 7\n$/);
    expect(digest('shop.db')).toBe(before);
    const restored = await show('import', 'all.ndjson', '--restore', '--store', 'sqlite:copy.db');
    expect(restored.stdout).toMatch(/^7 events restored, up to position 7: ids, versions/);
    expect(await allOf('copy.db')).toEqual(await allOf('shop.db'));
    await show('export', '--system', '--out', 'again.ndjson', '--store', 'sqlite:copy.db');
    expect(lines('again.ndjson').slice(1, -1)).toEqual(lines('all.ndjson').slice(1, -1));
  });

  test('takes the filters of events, and says what it leaves out', async () => {
    const { data } = await json(
      'export',
      '--category',
      'cart',
      '--where',
      'version > 1',
      '--out',
      'part.ndjson',
    );
    expect(data).toMatchObject({
      file: 'part.ndjson',
      events: 3,
      head: 6,
      isWhole: false,
      sha256: expect.any(String),
    });
    expect(data.filters).toEqual({ categories: ['cart'], filter: { expression: 'version > 1' } });
    const read = lines('part.ndjson').map((it) => JSON.parse(it) as Record<string, unknown>);
    expect(read.map(({ type }) => type)).toEqual([
      'backstory.export.begun',
      'cart.line-added',
      'cart.priced',
      'cart.line-added',
      'backstory.export.ended',
    ]);
    const { stderr } = await show('export', '--up-to', '2', '--out', 'two.ndjson');
    expect(stderr).toContain('--system takes them along');
    expect(lines('two.ndjson')).toHaveLength(4);
  });

  test('interrupted anywhere, goes on to the same file, without what was recorded since', async () => {
    await show('export', '--out', 'whole.ndjson');
    const whole = fs.readFileSync(here('whole.ndjson'));
    await withFile('shop.db', (log) => record(log, 'cart-7', anEvent('cart.noted')));
    const header = whole.indexOf(10) + 1;
    for (let cut = header; cut <= whole.length; cut += 61) {
      fs.writeFileSync(here('cut.ndjson.part'), whole.subarray(0, cut));
      expect(await show('export', '--resume', '--out', 'cut.ndjson')).toMatchObject({ exitCode: 0 });
      expect(text('cut.ndjson')).toBe(whole.toString());
      fs.rmSync(here('cut.ndjson'));
    }
    fs.writeFileSync(here('cut.ndjson.part'), whole);
    await show('export', '--resume', '--out', 'cut.ndjson');
    expect(text('cut.ndjson')).toBe(whole.toString());
    fs.rmSync(here('cut.ndjson'));
    // Half a first line is nothing to go on from.
    fs.writeFileSync(here('cut.ndjson.part'), whole.subarray(0, 20));
    await show('export', '--resume', '--out', 'cut.ndjson');
    expect(lines('cut.ndjson')).toHaveLength(lines('whole.ndjson').length + 1);
  });

  test('Ctrl-C leaves a part, says so, and never a file that looks whole', async () => {
    const log = new MemoryEventStore();
    for (let i = 0; i < 3; i++)
      await record(log, 'cart-1', ...Array.from({ length: 600 }, () => anEvent('cart.noted')));
    const held1 = shopOn(held(log));
    const stop = new AbortController();
    const stderr = new Terminal();
    const seen = { ...log, readAll: (it: object) => abortAfterFirst(log.readAll(it), stop) };
    const reading = Object.assign(Object.create(log) as MemoryEventStore, seen);
    const io = { cwd, definition: shopOn(held(reading)), signal: stop.signal, stderr };
    const { exitCode } = await runCli(['export', '--out', 'log.ndjson'], io);
    expect(exitCode).toBe(130);
    expect(stderr.text).toMatch(/Interrupted: \d+ events are in .*log\.ndjson\.part, and --resume goes on\./);
    expect(fs.existsSync(here('log.ndjson'))).toBe(false);
    await runCli(['export', '--resume', '--out', 'log.ndjson'], { cwd, definition: held1 });
    expect(lines('log.ndjson')).toHaveLength(1_802);
  });

  test('two that write one file leave it whole, and no export that was begun is thrown away', async () => {
    await show('export', '--out', 'whole.ndjson');
    const [head, ...events] = lines('whole.ndjson').slice(0, -1);
    const header = headerIn(JSON.parse(head!) as Record<string, unknown>)!;
    const first = await ExportFile.begin(here('log.ndjson'), header);
    await first.write(events.slice(0, 4));
    const again = await json('export', '--out', 'log.ndjson');
    expect(again).toMatchObject({ exitCode: 2, error: { facts: { reason: 'file-in-use' } } });
    expect(again.error!.message).toMatch(/log\.ndjson\.part is there: .* --resume/);
    const second = (await ExportFile.resume(here('log.ndjson'), header, {}))!;
    await first.write(events.slice(4));
    await second.write(events.slice(4, 5));
    await first.end();
    await second.write(events.slice(5));
    await expect(second.end()).rejects.toThrow('was removed or renamed by somebody else');
    expect(text('log.ndjson')).toBe(text('whole.ndjson'));
  });

  test('what cannot be gone on with, or would be lost, is refused', async () => {
    await show('export', '--out', 'whole.ndjson');
    expect(await json('export', '--out', 'whole.ndjson')).toMatchObject({
      exitCode: 2,
      error: { facts: { reason: 'file-in-use' } },
    });
    const part = lines('whole.ndjson').slice(0, 3).join('\n') + '\n';
    fs.writeFileSync(here('part.ndjson.part'), part);
    const other = { exitCode: 2, error: { facts: { reason: 'other-export' } } };
    expect(await json('export', '--resume', '--type', 'a.b', '--out', 'part.ndjson')).toMatchObject(other);
    fs.writeFileSync(
      here('part.ndjson.part'),
      part.replace(/"id":"[0-9a-f-]{36}"(?=.*opened)/, '"id":"other"'),
    );
    expect(await json('export', '--resume', '--out', 'part.ndjson')).toMatchObject({ exitCode: 0 });
    fs.rmSync(here('part.ndjson'));
    fs.writeFileSync(
      here('part.ndjson.part'),
      part.replace(/"id":"[0-9a-f-]{36}"(?=.*line-added)/, '"id":"other"'),
    );
    expect(await json('export', '--resume', '--out', 'part.ndjson')).toMatchObject(other);
  });

  test.each([
    [['export'], 'missing-option'],
    [['export', '--out', 'x', '--format', 'csv'], 'invalid-argument'],
    [['export', '--out', 'x', '--format', 'xes'], 'missing-option'],
    [['export', '--out', 'x', '--format', 'xes', '--category', 'cart', '--resume'], 'conflicting-options'],
    [['import', 'x'], 'missing-option'],
    [['import', 'x', '--restore', '--as-new'], 'conflicting-options'],
    [['import', 'x', '--restore'], 'unreadable-file'],
    [['import', '.', '--as-new'], 'unreadable-file'],
  ])('%j is a usage error', async (argv, reason) => {
    expect(await json(...argv)).toMatchObject({ exitCode: 2, error: { facts: { reason } } });
    expect(fs.readdirSync(cwd).filter((it) => !it.startsWith('shop.db'))).toEqual([]);
  });

  test('an expression that means nothing leaves no file', async () => {
    expect(await json('export', '--where', 'amount > 3', '--out', 'x')).toMatchObject({ exitCode: 2 });
    expect(fs.existsSync(here('x.part'))).toBe(false);
  });
});

describe('import', () => {
  test('--restore of what is not as it was exported makes no log and names the line', async () => {
    await show('export', '--out', 'all.ndjson');
    const good = text('all.ndjson');
    fs.writeFileSync(here('bad.ndjson'), good.replace('"quantity":2', '"quantity":3'));
    const refused = await json('import', 'bad.ndjson', '--restore', '--store', 'sqlite:copy.db');
    expect(refused).toMatchObject({
      exitCode: 3,
      error: { code: 'BACKSTORY_INVALID_EXPORT', facts: { file: 'bad.ndjson', line: 8, problem: 'altered' } },
    });
    expect(fs.existsSync(here('copy.db'))).toBe(false);
    const signal = AbortSignal.abort();
    const io = { cwd, definition, signal };
    const argv = ['import', 'all.ndjson', '--restore', '--store', 'sqlite:copy.db'];
    expect((await runCli(argv, io)).exitCode).toBe(130);
    expect(fs.existsSync(here('copy.db'))).toBe(false);
    expect((await show(...argv)).exitCode).toBe(0);
    expect(await json(...argv)).toMatchObject({ exitCode: 3, error: { code: 'BACKSTORY_LOG_NOT_EMPTY' } });
  });

  test('--as-new records facts once, however often; never into the log that they are of, nor into none', async () => {
    await show('export', '--out', 'all.ndjson');
    expect(await json('import', 'all.ndjson', '--as-new')).toMatchObject({
      exitCode: 2,
      error: { facts: { reason: 'same-log' } },
    });
    const argv = ['import', 'all.ndjson', '--as-new', '--store', 'sqlite:other.db'];
    expect(await json(...argv)).toMatchObject({ exitCode: 3, error: { code: 'BACKSTORY_STORE_UNUSABLE' } });
    await withFile('other.db', (log) => record(log, 'cart-1', anEvent('cart.noted')));
    expect((await show(...argv)).stdout).toBe('6 events recorded\n');
    expect((await show(...argv)).stdout).toBe('0 events recorded\n6 were recorded by an earlier import\n');
    const [, first] = await allOf('other.db');
    expect(first).toMatchObject({ stream: 'cart-1', version: 2, position: 2 });
    expect(
      (await show('trace', JSON.parse(first!.metadata).correlationId as string, '--store', 'sqlite:other.db'))
        .stdout,
    ).toContain('cart.opened');
  });

  test('--as-new that is stopped by the store says how far it came, and goes on', async () => {
    await definition.run((app) =>
      app.record(
        'cart-9',
        [...Array<null>(600)].map(() => new Noted('x')),
      ),
    );
    await show('export', '--out', 'all.ndjson');
    const log = new MemoryEventStore();
    let left = 300;
    const full = Object.assign(Object.create(log) as MemoryEventStore, {
      append: (it: Parameters<typeof log.append>[0]) =>
        left-- > 0 ? log.append(it) : Promise.reject(new Error('The disk is full.')),
    });
    const io = (events: EventStore) => ({ cwd, definition: shopOn(held(events)) });
    const argv = ['import', 'all.ndjson', '--as-new'];
    const { exitCode, envelope } = await runJson(argv, io(full));
    expect(exitCode).toBe(3);
    expect(envelope.error).toMatchObject({
      code: 'BACKSTORY_IMPORT_STOPPED',
      message:
        'The disk is full. 300 of 606 events are recorded: the same command goes on, and records none of them twice.',
      facts: { recorded: 300, total: 606 },
    });
    expect((await runJson(argv, io(log))).envelope.data).toMatchObject({ recorded: 306, repeated: 300 });
    const types = (await eventsOf(log)).map(({ type }) => type);
    expect(types).toEqual((await allOf('shop.db')).map(({ type }) => type));
  });

  test('a line that cannot be used is named before anything is recorded', async () => {
    fs.writeFileSync(
      here('orders.ndjson'),
      '{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"s-1"}\n{"specversion":"1.0","id":"2"\n',
    );
    const { exitCode, stderr } = await show('import', 'orders.ndjson', '--as-new');
    expect(exitCode).toBe(3);
    expect(stderr).toMatch(/^error: orders\.ndjson:2: .*no JSON/);
    expect(await allOf('shop.db')).toHaveLength(6);
  });
});

describe('export --format xes', () => {
  test('makes a trace a stream, which readers of XES read', async () => {
    await definition.run((app) => app.record('cart-2', [new Noted('<&"\u0001\u{1f600}\ufffe>')]));
    const { stdout } = await show('export', '--format', 'xes', '--category', 'cart', '--out', 'carts.xes');
    expect(stdout).toBe('6 events of 2 streams in carts.xes\n');
    expect(XMLValidator.validate(text('carts.xes'))).toBe(true);
    expect(xesProblems(text('carts.xes'))).toEqual([]);
    const cases = await readXes(here('carts.xes'));
    expect(cases.map(({ name, events }) => [name, events.map(({ activity }) => activity)])).toEqual([
      ['1', ['cart.opened', 'cart.line-added', 'cart.priced', 'cart.line-added']],
      ['2', ['cart.noted', 'cart.noted']],
    ]);
    const [opened, added] = cases[0]!.events;
    expect(opened!.attributes).toMatchObject({ 'org:resource': 'ann', owner: 'Ann', 'event:version': '1' });
    expect(added!.attributes).toMatchObject({ sku: 'pen', quantity: '2' });
    expect(cases[1]!.events[1]!.attributes['text']).toBe('<&"\\u0001\u{1f600}\\ufffe>');
    expect(opened!.at.toISOString()).toBe(JSON.parse((await allOf('shop.db'))[0]!.metadata).occurredAt);
    const golden = fs.readFileSync(path.join(__dirname, 'golden', 'carts.xes'), 'utf8');
    expect(text('carts.xes').replace(/[0-9a-f-]{36}|\d{4}-\d\d-\d\dT[\d:.]*Z/g, '…')).toBe(golden);
  });

  test('keeps to the schema whatever properties are called', async () => {
    const data = {
      'unit price': 1.5,
      unit_x0020_price: 2,
      '1st': true,
      '': 'x',
      'a:b': { 'é ': 1e21 },
      '😀': [1],
    };
    await withFile('shop.db', (log) =>
      record(log, 'odd-1', { ...anEvent('odd.named'), data: JSON.stringify(data) }),
    );
    await show('export', '--format', 'xes', '--category', 'odd', '--out', 'odd.xes');
    expect(xesProblems(text('odd.xes'))).toEqual([]);
    const [odd] = await readXes(here('odd.xes'));
    const keys = Object.keys(odd!.events[0]!.attributes).filter(
      (it) => !/^(concept|time|lifecycle|identity|event):/.test(it),
    );
    expect(keys.sort()).toEqual(
      [
        '_x0031_st',
        '_x1F600_',
        'data.',
        'data.a:b.é_x0020_',
        'unit_x005F_x0020_price',
        'unit_x0020_price',
      ].sort(),
    );
  });

  test.each([
    ['<log', '<logs', 'logs'],
    ['xes.version="1849.2016"', 'xes.version="1849-2016"', 'xes.version'],
    ['key="owner"', 'key="own er"', 'own er'],
    ['<int key="event:version" value="1"/>', '<int key="event:version" value="1.5"/>', '1.5'],
    ['<classifier', '<trace/><classifier', 'classifier after trace'],
    [' key="lifecycle:transition"', '', 'key'],
  ])('a file with %s made %s does not keep to the schema', async (was, is, told) => {
    await show('export', '--format', 'xes', '--category', 'cart', '--out', 'carts.xes');
    const spoilt = text('carts.xes')
      .replace(was, is)
      .replace(is === '<logs' ? '</log>' : '', is === '<logs' ? '</logs>' : '');
    expect(xesProblems(spoilt).join(' ')).toContain(told);
  });

  test('takes filters, and Ctrl-C leaves nothing', async () => {
    const argv = [
      'export',
      '--format',
      'xes',
      '--stream',
      'cart-1',
      '--stream',
      'payment-9',
      '--where',
      'version == 1',
      '--out',
      'x.xes',
    ];
    const io = { cwd, definition, signal: AbortSignal.abort() };
    expect((await runCli(argv, io)).exitCode).toBe(130);
    expect(fs.readdirSync(cwd)).not.toContainEqual(expect.stringMatching(/^x\.xes/));
    expect(await json(...argv)).toMatchObject({ data: { traces: 2, events: 2, format: 'xes' } });
  });
});

async function* abortAfterFirst<T>(pages: AsyncIterable<T>, stop: AbortController): AsyncGenerator<T, void> {
  let isFirst = true;
  for await (const page of pages) {
    if (!isFirst) stop.abort();
    isFirst = false;
    yield page;
  }
}
