import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Context, Recorder, type RecordedEvent } from '@backstory/core';
import {
  Broken,
  BEGIN,
  Cart,
  LineAdded,
  LineRemoved,
  Noted,
  Opened,
  fillShop,
  openShop,
  type Shop,
  type ShopApp,
} from '../../../test/support/shop';
import { Collected, runCli, runJson, type Ran } from '../../../test/support/run-cli';

let definition: Shop;
let app: ShopApp;
let ids: Awaited<ReturnType<typeof fillShop>>;

beforeEach(async () => {
  ({ definition, app } = await openShop());
  ids = await fillShop(app);
});

const show = (...argv: string[]): Promise<Ran> => runCli(argv, { definition });
const data = async (...argv: string[]) => {
  const { exitCode, envelope } = await runJson(argv, { definition });
  expect({ exitCode, ok: envelope.ok, verb: envelope.verb }).toEqual({
    exitCode: 0,
    ok: true,
    verb: argv[0],
  });
  expect(Object.keys(envelope)).toEqual(['ok', 'verb', 'data']);
  return envelope.data;
};

/** Identifiers differ from run to run. */
const anonymous = (text: string) => text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>');

describe('streams', () => {
  test('shows each stream with its last event', async () => {
    expect(await show('streams')).toEqual({
      exitCode: 0,
      stderr: '',
      stdout: [
        'stream     version  position  last recorded',
        'cart-1           4         4  2026-11-20T12:00:03.000Z',
        'cart-2           1         6  2026-11-20T12:00:05.000Z',
        'payment-9        1         5  2026-11-20T12:00:04.000Z',
        '',
      ].join('\n'),
    });
  });

  test('--json gives { streams }', async () => {
    const { streams } = await data('streams', '--category', 'payment', '--category', 'none');
    const recordedAt = new Date(BEGIN + 4_000).toISOString();
    expect(streams).toEqual([{ stream: 'payment-9', version: 1, position: 5, recordedAt }]);
    expect((await data('streams', '--after', 'cart-1')).streams).toHaveLength(2);
    expect(await data('streams', '--category', 'none')).toEqual({ streams: [] });
  });

  test('says how to see more than the limit, and what to do when there is nothing', async () => {
    const first = await show('streams', '--limit', '2');
    expect(first.stdout.split('\n')).toHaveLength(4);
    expect(first.stderr).toBe('There are more: --after cart-2, a larger --limit, or --all.\n');
    expect((await show('streams', '--limit', '3')).stderr).toBe('');
    expect((await show('streams', '--category', 'none')).stderr).toBe(
      'There are no such streams in this log.\n',
    );
  });
});

describe('events', () => {
  test('shows where, when and what, then the id and the data', async () => {
    const { stdout, exitCode } = await show('events', '--after', '4');
    expect(exitCode).toBe(0);
    expect(anonymous(stdout)).toBe(
      [
        '5  2026-11-20T12:00:04.000Z  payment-9 v1  payment.taken',
        '   <id>  {"amount":7}',
        '6  2026-11-20T12:00:05.000Z  cart-2 v1     cart.noted',
        '   <id>  {"text":"busy"}',
        '',
      ].join('\n'),
    );
  });

  test('cuts long data to 80 columns, and shows all of it with --full', async () => {
    const text = 'x'.repeat(200);
    await app.record('cart-3', [new Noted(text)]);
    const short = await show('events', '--stream', 'cart-3');
    expect(Math.max(...short.stdout.split('\n').map((it) => it.length))).toBe(80);
    expect(short.stdout).toContain('…');
    expect((await show('events', '--stream', 'cart-3', '--full')).stdout).toContain(text);
  });

  test('--json gives { events }, each as it was recorded', async () => {
    const { events } = await data('events', '--id', ids.paid);
    expect(events).toEqual([
      {
        id: ids.paid,
        stream: 'payment-9',
        version: 1,
        position: 5,
        type: 'payment.taken',
        schemaVersion: 1,
        data: { amount: 7 },
        metadata: {
          correlationId: ids.correlationId,
          causationId: ids.added,
          actor: 'ann',
          source: 'shop',
          occurredAt: expect.any(String),
        },
        recordedAt: '2026-11-20T12:00:04.000Z',
      },
    ]);
  });

  test.each([
    [
      ['--stream', 'cart-1', '--stream', 'cart-2'],
      [1, 2, 3, 4, 6],
    ],
    [['--category', 'payment'], [5]],
    [
      ['--type', 'cart.line-added'],
      [2, 4],
    ],
    [
      ['--correlation', 'CORRELATION'],
      [4, 5, 6],
    ],
    [
      ['--causation', 'CORRELATION'],
      [5, 6],
    ],
    [
      ['--after', '2', '--up-to', '4'],
      [3, 4],
    ],
    [
      ['--from', '2026-11-20T12:00:02Z', '--to', '2026-11-20T12:00:03.000Z'],
      [3, 4],
    ],
    [
      ['--to', '2026-11-20T12:00:01'],
      [1, 2],
    ],
    [['--to', '2026-11-19'], []],
    [
      ['--from', '2026-11-20', '--limit', '2'],
      [1, 2],
    ],
    [
      ['--backwards', '--limit', '2'],
      [6, 5],
    ],
    [
      ['--type', 'cart.*ed', '--type', 'payment.taken'],
      [1, 2, 3, 4, 5, 6],
    ],
    [['--type', '*.line-*', '--limit', '1', '--backwards'], [4]],
    [
      ['--filter', '{"any":[{"types":["payment.*"]},{"data":"quantity","is":">","value":1}]}'],
      [2, 5],
    ],
    // What both narrow is what both let through, whoever asks the log.
    [['--type', 'cart.noted', '--filter', '{"types":["payment.taken"]}'], []],
    [['--filter', '{"categories":["cart"]}', '--where', 'version > 3', '--type', 'cart.*'], [4]],
  ])('is narrowed by %j', async (filters: string[], positions: number[]) => {
    // The first event of a flow carries its own id as the correlation.
    expect(ids.correlationId).toBe(ids.added);
    const argv = filters.map((it) => (it === 'CORRELATION' ? ids.correlationId : it));
    const { events } = await data('events', ...argv);
    expect(events.map((it: { position: number }) => it.position)).toEqual(positions);
  });

  test('shows people 50 unless told otherwise, and programs everything', async () => {
    await app.record(
      'cart-7',
      Array.from({ length: 250 }, (_, i) => new Noted(String(i))),
    );
    const first = await show('events', '--stream', 'cart-7');
    expect(first.stdout.match(/cart\.noted/g)).toHaveLength(50);
    expect(first.stderr).toBe('There are more: --after 56, a larger --limit, or --all.\n');
    const last = await show('events', '--stream', 'cart-7', '--backwards', '--limit', '1');
    expect(last.stderr).toBe('There are more: --up-to 255, a larger --limit, or --all.\n');
    expect((await show('events', '--stream', 'cart-7', '--all')).stdout.match(/cart\.noted/g)).toHaveLength(
      250,
    );
    expect((await data('events', '--stream', 'cart-7')).events).toHaveLength(250);
    expect((await data('events', '--stream', 'cart-7', '--limit', '50')).events).toHaveLength(50);
  });
});

test('the streams of the framework are left out unless --system is given', async () => {
  const recorder = new Recorder(app.events, { source: 'shop' });
  const write = { stream: '_ops-1', expected: 'any', events: [{ type: 'ops.paused', data: '{}' }] } as const;
  const correlationId = ids.correlationId;
  await Context.of({ correlationId }).run(() => recorder.record([write], { system: true }));
  const sizes = async (...more: string[]) => [
    (await data('streams', ...more)).streams.length,
    (await data('events', ...more)).events.length,
    (await data('trace', correlationId, ...more)).roots.length,
    (await data('stats', ...more)).events,
  ];
  expect(await sizes()).toEqual([3, 6, 1, 6]);
  expect(await sizes('--system')).toEqual([4, 7, 2, 7]);
});

describe('state', () => {
  test('shows the state with the version and the time it is from', async () => {
    expect((await show('state', 'cart-1', '--at-version', '1')).stdout).toBe(
      [
        'cart-1 at version 1',
        'recorded 2026-11-20T12:00:00.000Z, position 1',
        '',
        '{',
        '  "owner": "Ann",',
        '  "lines": [],',
        '  "prices": {}',
        '}',
        '',
      ].join('\n'),
    );
    expect((await show('state', 'cart-1', '--at-version', '0')).stdout).toMatch(
      /^cart-1 at version 0\nbefore its first event\n/,
    );
  });

  test('--json gives { stream, version, position, recordedAt, state }', async () => {
    const loaded = await app.repository(Cart).load('1');
    expect(await data('state', 'cart-1')).toEqual({
      stream: 'cart-1',
      version: 4,
      position: 4,
      recordedAt: '2026-11-20T12:00:03.000Z',
      state: { owner: loaded.owner, lines: loaded.lines, prices: loaded.prices },
    });
    expect(await data('state', 'cart-1', '--at-version', '0')).toMatchObject({
      position: null,
      recordedAt: null,
    });
  });

  test('is that at a time, where a minute means its end', async () => {
    expect(await data('state', 'cart-1', '--at', '2026-11-20T12:00:01Z')).toMatchObject({ version: 2 });
    expect(await data('state', 'cart-1', '--at', '2026-11-20T14:00:01+02:00')).toMatchObject({ version: 2 });
    expect(await data('state', 'cart-1', '--at', '2026-11-20 12:00')).toMatchObject({ version: 4 });
    expect(await data('state', 'cart-1', '--at', '2026-11-20T11:59')).toMatchObject({ version: 0 });
  });
});

describe('replay', () => {
  test('shows each event, who caused it and what it changed', async () => {
    const occurredAt = new Date('2020-01-02T03:04:05.006Z');
    await app.record('cart-8', [new Opened('Bob')], { occurredAt });
    const { stdout } = await show('replay', 'cart-8');
    expect(stdout).toBe(
      [
        'v1  cart.opened  2026-11-20T12:00:06.000Z  position 7',
        '    happened 2020-01-02T03:04:05.006Z',
        '    + owner  "Bob"',
        '',
        '',
      ].join('\n'),
    );
    const caused = await show('replay', 'cart-2');
    expect(caused.stdout).toContain('    by ann\n    caused by cart.line-added (cart-1 v4)\n');
    expect(caused.stdout).toContain('    changed nothing\n');
    expect((await show('replay', 'cart-1', '--to', '1')).stdout).toContain('    by ann, command open\n');
  });

  test('says so where the cause is not in the log', async () => {
    await app.record('cart-9', [new Opened('Eve')], { metadata: { causationId: 'lost-1' } });
    expect((await show('replay', 'cart-9')).stdout).toContain(
      'caused by event lost-1, which is not in this log',
    );
  });

  test('--json gives { stream, steps: [{ event, cause, changes }] }', async () => {
    expect(await show('replay', 'cart-1', '--from', '4', '--to', '3')).toMatchObject({ exitCode: 2 });
    const found = await data('replay', 'cart-1', '--from', '3', '--to', '4');
    expect(found.stream).toBe('cart-1');
    expect(found.steps).toMatchObject([
      {
        event: { version: 3 },
        cause: null,
        changes: [{ path: 'prices["a.b"]', after: 1 }, { path: 'prices.pen' }],
      },
      { event: { version: 4, data: { sku: 'ink' } }, cause: null, changes: [{ path: 'lines[1]' }] },
    ]);
    const [step] = (await data('replay', 'cart-2')).steps;
    const cause = { id: ids.added, type: 'cart.line-added', stream: 'cart-1', version: 4, position: 4 };
    expect(step).toMatchObject({ cause, changes: [] });
    expect(Object.keys(step)).toEqual(['event', 'cause', 'changes']);
  });

  test('of a long stream has every step with its cause', async () => {
    const metadata = { causationId: ids.paid };
    await app.record(
      'cart-6',
      Array.from({ length: 230 }, (_, i) => new Noted(String(i))),
      { metadata },
    );
    const { steps } = await data('replay', 'cart-6');
    expect(steps.map((it: any) => [it.event.version, it.cause.id])).toEqual(
      Array.from({ length: 230 }, (_, i) => [i + 1, ids.paid]),
    );
  });
});

/** Things happen at other times than those the clock of the shop says. */
const settled = (text: string) => text.replace(/ {4}happened .*\n/g, '');

describe('blame', () => {
  test('shows each value of a state with the event that made it so', async () => {
    expect((await show('blame', 'cart-1')).stdout).toBe(
      [
        'cart-1 at version 4',
        '',
        'v1  2026-11-20 12:00  cart.opened      ann  owner              "Ann"',
        'v2  2026-11-20 12:00  cart.line-added       lines[0].sku       "pen"',
        'v2  2026-11-20 12:00  cart.line-added       lines[0].quantity  2',
        'v4  2026-11-20 12:00  cart.line-added  ann  lines[1].sku       "ink"',
        'v4  2026-11-20 12:00  cart.line-added  ann  lines[1].quantity  1',
        'v3  2026-11-20 12:00  cart.priced           prices["a.b"]      1',
        'v3  2026-11-20 12:00  cart.priced           prices.pen         3',
        '',
      ].join('\n'),
    );
  });

  test('of one value shows who, when and with which request', async () => {
    expect(settled((await show('blame', 'cart-1', 'lines[1].quantity')).stdout)).toBe(
      [
        'cart-1 lines[1].quantity is 1 at version 4',
        '',
        'v4  cart.line-added  2026-11-20T12:00:03.000Z  position 4',
        '    by ann, command add',
        '    folded by Cart.lineAdded',
        '',
      ].join('\n'),
    );
    await app.record('cart-1', [new LineRemoved('ink')]);
    expect((await show('blame', 'cart-1', 'lines[1]')).stdout).toMatch(
      /^cart-1 lines\[1\] is gone at version 5\n/,
    );
    expect((await show('blame', 'cart-1', 'lines')).stdout).toContain('taken out, reordered');
    expect((await show('blame', 'cart-1', 'prices', '--at-version', '2')).stdout).toContain('began with it');
  });

  test('--history gives every value there ever was', async () => {
    await app.record('cart-1', [new LineAdded('pen', 3)]);
    const stdout = settled((await show('blame', 'cart-1', 'lines[0].quantity', '--history')).stdout);
    expect(stdout).toMatch(
      /^v2 .*\n {4}\+ lines\[0\]\.quantity {2}2\n\nv5 .*\n {4}~ lines\[0\]\.quantity {2}2 → 5\n/,
    );
    const found = await data('blame', 'cart-1', 'lines[0].quantity', '--history');
    expect(found).toMatchObject({
      stream: 'cart-1',
      path: 'lines[0].quantity',
      values: [
        { event: { version: 2 }, after: 2 },
        { event: { version: 5 }, cause: null, before: 2, after: 5 },
      ],
    });
    await Context.of({ causationId: ids.paid }).run(() => app.record('cart-1', [new LineAdded('pen', 3)]));
    expect((await show('blame', 'cart-1', 'lines[0].quantity', '--history')).stdout).toMatch(
      /v6 .*\n(?: {4}.*\n)* {4}caused by payment\.taken \(payment-9 v1\)\n/,
    );
  });

  test('--why goes from cause to cause, across streams', async () => {
    const [paid] = (await data('events', '--id', ids.paid)).events as [RecordedEvent];
    const caused = Context.handling(paid, { subscription: 'till', handler: 'thank' });
    await caused.run(() => app.record('cart-3', [new Opened('Eve')]));
    const stdout = settled((await show('blame', 'cart-3', 'owner', '--why')).stdout);
    expect(stdout).toContain(`flow ${ids.correlationId}`);
    expect(stdout).toMatch(
      /because of payment\.taken {2}payment-9 v1 .*\n[^]*because of cart\.line-added {2}cart-1 v4 .*\n {4}by ann, command add\nwhere the flow began\n$/,
    );
    expect(
      (await data('blame', 'cart-3', 'owner', '--why')).causes.map((it: RecordedEvent) => it.id),
    ).toEqual([ids.paid, ids.added]);
    await Context.of({ causationId: 'lost-1' }).run(() => app.record('cart-4', [new Opened('Eve')]));
    expect((await show('blame', 'cart-4', 'owner', '--why')).stdout).toContain(
      'because of event lost-1, which is not in this log',
    );
  });

  test('--json gives { stream, version, path, value, last, handler, lines }', async () => {
    const found = await data('blame', 'cart-1', 'owner', '--at', '2026-11-20T12:00:01Z');
    expect(found).toMatchObject({
      stream: 'cart-1',
      version: 2,
      path: 'owner',
      value: 'Ann',
      last: { version: 1 },
      handler: 'Cart.opened',
    });
    expect(found.lines).toEqual([{ path: 'owner', value: 'Ann', event: found.last }]);
  });
});

describe('bisect', () => {
  test('shows the first version at which it holds, with who and what it changed', async () => {
    expect(settled((await show('bisect', 'cart-1', '--where', 'lines.length == 2')).stdout)).toBe(
      [
        'cart-1  lines.length == 2 holds first at version 4',
        '',
        'v4  cart.line-added  2026-11-20T12:00:03.000Z  position 4',
        '    by ann, command add',
        '    folded by Cart.lineAdded',
        '    + lines[1]  {"sku":"ink","quantity":1}',
        '',
      ].join('\n'),
    );
    expect((await show('bisect', 'cart-1', '--where', 'lines')).stdout).toContain('holds from the beginning');
    const few = await show('bisect', 'cart-1', '--where', 'lines.length == 2', '--monotonic');
    expect(few.stdout).toContain('version 4');
    expect(few.stderr).toMatch(/^Asked 4 of 5 versions, by halves/);
  });

  test('that holds nowhere ends with 1, as JSON as well', async () => {
    const category = await show('bisect', 'cart', '--where', 'lines.length == 2');
    expect(category).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('give --all to ask') });
    const nowhere = ['bisect', 'cart-1', '--where', 'lines.length == 9'];
    expect(await show(...nowhere)).toEqual({
      exitCode: 1,
      stdout: 'cart-1  lines.length == 9 holds at no version from 0 to 4\n',
      stderr: '',
    });
    expect(await runJson(nowhere, { definition })).toMatchObject({
      exitCode: 1,
      envelope: { ok: true, verb: 'bisect', data: { stream: 'cart-1', head: 4, version: null, event: null } },
    });
  });

  test('--all asks every stream of a category', async () => {
    await app.record('cart-3', [new LineAdded('a', 1)]);
    const found = await data('bisect', 'cart', '--all', '--where', 'lines.length == 1');
    expect(found).toMatchObject({
      category: 'cart',
      where: 'lines.length == 1',
      found: [
        { stream: 'cart-1', version: 2 },
        { stream: 'cart-3', version: 1, event: { data: { sku: 'a' } } },
      ],
    });
    const none = await show('bisect', 'cart', '--all', '--where', 'lines.length == 7');
    expect(none).toEqual({ exitCode: 1, stdout: '', stderr: 'No stream of cart was ever so.\n' });
    await app.record('cart-4', [new Broken('throw')]);
    const both = await show('bisect', 'cart', '--all', '--where', 'lines.length == 1');
    expect(both.exitCode).toBe(1);
    expect(both.stdout).toMatch(/^cart-1 .* holds first at version 2$/m);
    expect(both.stdout).toMatch(/^cart-4 {2}cannot be folded: .*cart\.broken/m);
  });

  test('--all of what is no category is refused', async () => {
    const refused = async (category: string) => {
      const { exitCode, stderr } = await show('bisect', category, '--all', '--where', 'lines.length == 1');
      return [exitCode, stderr];
    };
    expect(await refused('nope')).toEqual([
      2,
      expect.stringContaining('No aggregate folds the category "nope" (known: '),
    ]);
    expect(await refused('cart-1')).toEqual([
      2,
      expect.stringContaining(
        'cart-1 is no category: leave --all out to ask this stream, or give --all cart.',
      ),
    ]);
  });

  test('--monotonic says no more than it knows', async () => {
    const argv = ['bisect', 'cart-1', '--where', 'lines.length == 1', '--monotonic'];
    const { exitCode, stdout } = await show(...argv);
    expect([exitCode, stdout]).toEqual([1, 'cart-1  lines.length == 1 does not hold at version 4\n']);
    expect((await runJson(argv, { definition })).envelope.data).toMatchObject({
      version: null,
      isMonotonic: true,
    });
  });
});

describe('whatif', () => {
  test('shows what would be different, and says that decisions are not taken again', async () => {
    expect(await show('whatif', 'cart-1', '--skip', '4', '--edit', '2:quantity=5')).toEqual({
      exitCode: 0,
      stdout: [
        'cart-1 would be at version 3 rather than 4',
        '',
        '  ~ lines[0].quantity  2 → 5',
        '  - lines[1]           {"sku":"ink","quantity":1}',
        '',
      ].join('\n'),
      stderr: 'Folds are run again, decisions are not.\n',
    });
    expect((await show('whatif', 'cart-2', '--skip', '1')).stdout).toContain('Nothing would be different.');
    const found = await data('whatif', 'cart-1', '--reorder', '4,2');
    expect(found.state.lines.map((it: { sku: string }) => it.sku)).toEqual(['ink', 'pen']);
    expect((await data('whatif', 'cart-1', '--edit', '1:owner=Bob')).state.owner).toBe('Bob');
  });

  test('an edit of what is not there, or that is no JSON, is refused; one that makes it of another kind is told', async () => {
    const edit = (text: string) => show('whatif', 'cart-1', '--edit', text);
    expect(await edit('2:quantty=5')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('have no quantty: they are {"sku":"pen"') as string,
    });
    expect(await edit('2:quantity="5')).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('"5 is no JSON') as string,
    });
    expect((await edit('2:quantity=five')).stderr).toBe(
      'quantity of version 2 was a number and would be text: "five"\nFolds are run again, decisions are not.\n',
    );
    expect((await edit('2:quantity=5')).stderr).toBe('Folds are run again, decisions are not.\n');
  });

  test('what can be asked only of a stream is refused of a flow, and a build that is not there by its option', async () => {
    const flow = await show('whatif', ids.correlationId, '--skip', '3');
    expect([flow.exitCode, flow.stderr]).toEqual([
      2,
      expect.stringContaining(
        'is a flow, not a stream: of a flow only events can be left out, with --skip <id>.',
      ),
    ]);
    expect((await show('whatif', 'cart-9', '--skip', '3')).exitCode).toBe(1);
    const build = await show('whatif', 'cart-1', '--code', './nope');
    expect([build.exitCode, build.stderr]).toEqual([3, expect.stringContaining('check --code.')]);
  });

  describe('with files', () => {
    let cwd: string;
    beforeEach(() => (cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'backstory-whatif-'))));
    afterEach(() => fs.rmSync(cwd, { recursive: true }));
    const found = async (...argv: string[]) => {
      const { exitCode, envelope } = await runJson(['whatif', 'cart-1', ...argv], { definition, cwd });
      return { exitCode, ...envelope };
    };

    test('--insert puts events in, and says what is wrong with a file', async () => {
      const more = { after: 1, type: 'cart.line-added', data: { sku: 'cup', quantity: 9 } };
      fs.writeFileSync(path.join(cwd, 'more.json'), JSON.stringify([more]));
      const { data: would } = await found('--insert', 'more.json');
      expect(would).toMatchObject({ version: 4, wouldBeAt: 5 });
      expect(would.state.lines[0]).toEqual({ sku: 'cup', quantity: 9 });
      const usage = { exitCode: 2, error: { facts: { reason: 'invalid-argument' } } };
      expect(await found('--insert', 'none.json')).toMatchObject(usage);
      fs.writeFileSync(path.join(cwd, 'odd.json'), '[{"after":"1","type":"cart.noted","data":{}}]');
      const odd = await found('--insert', 'odd.json');
      expect(odd).toMatchObject(usage);
      expect(odd.error!.message).toContain('"after":"1"');
    });
  });

  test('of a flow shows what would not have followed', async () => {
    const { stdout } = await show('whatif', ids.correlationId, '--skip', ids.added);
    expect(stdout).toMatch(
      /^flow .* without 3 events\n {2}- cart\.line-added {2}cart-1 v4\n {2}- payment\.taken/,
    );
    expect(stdout).toContain('cart-1 would be at version 3 rather than 4');
    expect((await data('whatif', ids.correlationId, '--skip', ids.paid)).gone).toHaveLength(1);
  });
});

describe('--where', () => {
  test('narrows events, streams and what is followed', async () => {
    const positions = async (where: string, ...more: string[]) =>
      (await data('events', '--where', where, ...more)).events.map((it: RecordedEvent) => it.position);
    expect(await positions('data.quantity > 1 || type == "payment.taken"')).toEqual([2, 5]);
    expect(await positions('category == "cart"', '--limit', '2')).toEqual([1, 2]);
    expect(await positions('category == "cart"', '--stream', 'cart-2')).toEqual([6]);
    const first = await show('events', '--where', 'category == "cart"', '--limit', '2');
    expect(first.stderr).toBe('There are more: --after 2, a larger --limit, or --all.\n');
    expect((await show('events', '--where', 'category == "cart"', '--limit', '5')).stderr).toBe('');
    const { streams } = await data('streams', '--where', 'version > 1 || position == 5');
    expect(streams.map((it: { stream: string }) => it.stream)).toEqual(['cart-1', 'payment-9']);
    expect((await show('streams', '--where', 'version < 2', '--limit', '1')).stderr).toMatch(
      /^There are more/,
    );
  });

  test('of tail looks at each event as it comes', async () => {
    const interrupt = new AbortController();
    const stdout = new Collected((text) => text.includes('payment.taken') && interrupt.abort());
    const argv = ['tail', '--lines', '1', '--where', 'data.amount == 7', '--type', 'pay*'];
    expect((await runCli(argv, { definition, stdout, signal: interrupt.signal })).exitCode).toBe(0);
    expect(stdout.text).not.toContain('cart.');
  });
});

test('--break begins where it begins to hold', async () => {
  const { steps } = await data('replay', 'cart-1', '--break', 'lines.length == 1');
  expect(steps.map((it: { event: RecordedEvent }) => it.event.version)).toEqual([2, 3, 4]);
  expect(
    await runJson(['replay', 'cart-1', '--break', 'lines.length == 1', '--from', '3'], { definition }),
  ).toMatchObject({
    exitCode: 1,
    envelope: { error: { code: 'BACKSTORY_NEVER_HOLDS', facts: { stream: 'cart-1', from: 3 } } },
  });
});

describe('diff', () => {
  test('shows what came, what went and what is different', async () => {
    await app.repository(Cart).update('1', (cart) => cart.add('pen', 3));
    expect((await show('diff', 'cart-1', '3', '5')).stdout).toBe(
      [
        'cart-1 from version 3 to version 5',
        '',
        '  ~ lines[0].quantity  2 → 5',
        '  + lines[1]           {"sku":"ink","quantity":1}',
        '',
      ].join('\n'),
    );
    expect((await show('diff', 'cart-1', '5', '3')).stdout).toContain('  - lines[1]           {"sku":"ink"');
    expect((await show('diff', 'cart-1', '2', '2')).stdout).toContain('  Nothing is different.');
  });

  test('--json gives { from, to, changes } with only the sides that exist', async () => {
    expect(await data('diff', 'cart-1', '0', '2')).toEqual({
      from: 0,
      to: 2,
      changes: [
        { path: 'lines[0]', after: { sku: 'pen', quantity: 2 } },
        { path: 'owner', after: 'Ann' },
      ],
    });
  });
});

describe('trace', () => {
  test('shows the flow as a tree, with times from its beginning, and marks the event that was asked for', async () => {
    const { stdout } = await show('trace', ids.paid);
    expect(anonymous(stdout)).toBe(
      [
        'flow <id>',
        'began 2026-11-20T12:00:03.000Z: 3 events in 3 streams',
        '',
        'cart.line-added  cart-1 v4  +0.000 s  #4  by ann',
        '├─ payment.taken  payment-9 v1  +1.000 s  #5  by ann  ◀ this event',
        '└─ cart.noted  cart-2 v1  +2.000 s  #6  by ann',
        '',
      ].join('\n'),
    );
  });

  test('--json gives { correlationId, roots: [{ event, children }] }', async () => {
    const found = await data('trace', ids.correlationId);
    expect(Object.keys(found)).toEqual(['correlationId', 'roots']);
    expect(found).toMatchObject({
      correlationId: ids.correlationId,
      roots: [
        {
          event: { id: ids.added, stream: 'cart-1' },
          children: [
            { event: { id: ids.paid }, children: [] },
            { event: { stream: 'cart-2' }, children: [] },
          ],
        },
      ],
    });
  });

  test('says where it stopped in a large flow', async () => {
    expect(await data('trace', ids.paid, '--limit', '2')).toMatchObject({ truncatedAt: 2 });
    expect((await show('trace', ids.paid, '--limit', '2')).stderr).toBe(
      'Only the first 2 events of this flow are shown: give a larger --limit.\n',
    );
  });

  test('of a chain deeper than the call stack is shown and printed as JSON all the same', async () => {
    let causationId: string | undefined;
    for (let i = 0; i < 6_000; i++) {
      const metadata =
        causationId === undefined ? { correlationId: 'deep' } : { correlationId: 'deep', causationId };
      ({
        ids: [causationId],
      } = await app.record('cart-5', [new Noted(String(i))], { metadata }));
    }
    let { roots } = await data('trace', 'deep', '--limit', '10000');
    let depth = 0;
    for (; roots.length > 0; depth++) roots = roots[0].children;
    expect(depth).toBe(6_000);
    const { stdout } = await show('trace', 'deep', '--limit', '10000');
    const lines = stdout.split('\n');
    expect(lines).toHaveLength(6_004);
    expect(lines.at(-2)).toContain('cart-5 v6000');
    expect(Math.max(...lines.map((it) => it.length))).toBeLessThan(120);
  });
});

describe('stats', () => {
  test('shows how much of what there is', async () => {
    const { stdout } = await show('stats');
    expect(stdout).toContain('events             6 (the last position is 6)\n');
    expect(stdout).toContain('streams            3\n');
    expect(stdout).toContain(
      'category  streams  events\ncart            2       5\npayment         1       1\n',
    );
    expect(stdout).toContain('cart.line-added       2  2026-11-20T12:00:03.000Z\n');
  });

  test('--json gives the counts', async () => {
    const found = await data('stats');
    expect(Object.keys(found)).toEqual([
      'logId',
      'epoch',
      'head',
      'events',
      'streams',
      'bytes',
      'firstRecordedAt',
      'lastRecordedAt',
      'categories',
      'types',
    ]);
    expect(found).toMatchObject({
      head: 6,
      events: 6,
      streams: 3,
      firstRecordedAt: '2026-11-20T12:00:00.000Z',
      lastRecordedAt: '2026-11-20T12:00:05.000Z',
      categories: [
        { category: 'cart', streams: 2, events: 5 },
        { category: 'payment', streams: 1, events: 1 },
      ],
    });
  });
});

test('trace is interrupted while a flow is read', async () => {
  const ran = await runCli(['trace', ids.paid], { definition, signal: AbortSignal.abort() });
  expect(ran).toMatchObject({ exitCode: 130, stdout: '' });
});

describe('tail', () => {
  /** Follows until so many lines have come; then Ctrl-C. `work` is done when the first have come. */
  async function follow(argv: readonly string[], lines: number, work: () => Promise<unknown>): Promise<Ran> {
    const interrupt = new AbortController();
    let working: Promise<unknown> | undefined;
    const stdout = new Collected((text) => {
      working ??= work();
      if (text.split('\n').length > lines) interrupt.abort();
    });
    const ran = await runCli(['tail', ...argv], { definition, stdout, signal: interrupt.signal });
    await working;
    return { ...ran, stdout: stdout.text };
  }

  test('shows the last events, then each one as it is recorded; Ctrl-C ends it with exit code 0', async () => {
    const { exitCode, stdout, stderr } = await follow(['--lines', '2'], 6, () =>
      app.record('cart-2', [new Noted('new')]),
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout.match(/^\d+/gm)).toEqual(['5', '6', '7']);
    expect(stdout).toContain('{"text":"new"}');
  });

  test('--json prints one envelope a line, each with one event', async () => {
    const { stdout } = await follow(['--json', '--lines', '1', '--type', 'cart.noted'], 3, async () => {
      await app.record('cart-2', [new Noted('one'), new Opened('left out')]);
      await app.record('cart-2', [new Noted('two')]);
    });
    const envelopes = stdout
      .trim()
      .split('\n')
      .map((it) => JSON.parse(it) as unknown);
    expect(envelopes).toMatchObject([
      { ok: true, verb: 'tail', data: { event: { data: { text: 'busy' } } } },
      { ok: true, verb: 'tail', data: { event: { data: { text: 'one' } } } },
      { ok: true, verb: 'tail', data: { event: { data: { text: 'two' } } } },
    ]);
  });

  test('--after begins there instead', async () => {
    const { stdout } = await follow(['--after', '3', '--category', 'cart'], 4, () => Promise.resolve());
    expect(stdout.match(/^\d+/gm)).toEqual(['4', '6']);
  });
});
