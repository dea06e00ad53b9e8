import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import type { StoredEvent } from '@backstory/core';
import { MemoryEventStore, UnknownFormat } from '@backstory/core/store';
import { anEvent, eventsOf, record } from '../../../../test/support/sqlite-files';
import {
  ExportReader,
  FactImport,
  InvalidExport,
  checkFacts,
  exportHeader,
  exportLines,
  footerLine,
  headerLine,
  readCloudEvent,
  restoreExport,
  writeCloudEvent,
  type ExportHeader,
} from '../exchange';

const golden = fs
  .readFileSync(path.join(__dirname, 'golden', 'export-1.ndjson'), 'utf8')
  .trimEnd()
  .split('\n');

const EVENTS: readonly StoredEvent[] = [
  {
    id: '01890000-0000-7000-8000-000000000002',
    stream: 'account-42',
    version: 1,
    position: 1,
    appendIndex: 0,
    type: 'account.deposited',
    schemaVersion: 1,
    recordedAt: new Date('2026-01-02T03:04:05.678Z'),
    data: '{"amount":5}',
    metadata:
      '{"correlationId":"order/7","causationId":"e-1","actor":"ann","source":"bank & co","occurredAt":"2026-01-02T03:04:05.000Z","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01","tracestate":"v=1"}',
  },
  {
    id: 'é',
    stream: 'a-\u{1f600}',
    version: 7,
    position: Number.MAX_SAFE_INTEGER,
    appendIndex: 9_999,
    type: ' t ',
    schemaVersion: 2_147_483_647,
    recordedAt: new Date(-1),
    data: ' { "b" : 1e400, "a":"\\ud800\\u0000" }\n',
    metadata: '{"correlationId":"c",\n"source":"","occurredAt":"once","n":1.0}',
  },
];

const HEADER: ExportHeader = {
  format: 'backstory.export/1',
  logId: '01890000-0000-7000-8000-000000000001',
  head: Number.MAX_SAFE_INTEGER,
  isWhole: true,
  filters: { includeSystem: true },
  exportedAt: '2026-01-02T03:04:06.000Z',
};

function exported(header: ExportHeader, events: readonly string[]): string[] {
  const lines = [headerLine(header), ...events];
  const sha256 = createHash('sha256')
    .update(lines.map((it) => `${it}\n`).join(''))
    .digest('hex');
  return [...lines, footerLine(header, { events: events.length, sha256 })];
}

const readerOf = (lines: readonly string[]) =>
  new ExportReader(
    'file',
    (async function* () {
      yield* lines;
    })(),
  );

async function readAll(lines: readonly string[]) {
  const found = [];
  for await (const it of readerOf(lines).read()) found.push(it.event);
  return found;
}

async function linesOf(store: MemoryEventStore, query = {}): Promise<string[]> {
  const header = await exportHeader(store, query);
  const lines: string[] = [];
  for await (const page of exportLines(store, query, { head: header.head, after: 0 }))
    lines.push(...page.lines);
  return exported(header, lines);
}

test('exports of format 1 are read for ever and written identically', async () => {
  expect(exported(HEADER, EVENTS.map(writeCloudEvent))).toEqual(golden);
  expect(await readAll(golden)).toEqual(EVENTS);
});

test('every line is a CloudEvent 1.0: its attributes are named and typed as the specification says', () => {
  for (const line of golden) {
    const { data, data_base64, ...attributes } = JSON.parse(line) as Record<string, unknown>;
    expect((data === undefined) !== (data_base64 === undefined)).toBe(true);
    for (const name of ['specversion', 'id', 'source', 'type']) expect(attributes[name]).toMatch(/./);
    expect(attributes['source']).toMatch(/^\/[\w%.~!*'()-]*$/);
    for (const [name, value] of Object.entries(attributes)) {
      expect(name).toMatch(/^[a-z0-9]{1,20}$/);
      if (typeof value === 'number') expect(value).toBe(value | 0);
      // eslint-disable-next-line no-control-regex -- what a string of CloudEvents may not have
      else expect(value).toMatch(/^[^\u0000-\u001f\u007f-\u009f]+$/);
    }
  }
});

test('whatever text is stored, its CloudEvent keeps every byte, in one line', () => {
  const json = fc.oneof(
    fc.json(),
    fc.json().map((it) => ` ${it}\r\n`),
    fc.constantFrom(
      '-0',
      '1.0',
      '1e999',
      '12345678901234567890',
      '{"a":1,"a":2}',
      '{"b":1,"1":2}',
      '"\\u2028\\ud800"',
    ),
  );
  const metadata = fc
    .record({ correlationId: fc.string(), source: fc.string(), own: fc.jsonValue() })
    .map((it) => JSON.stringify(it))
    .chain((it) => fc.constantFrom(it, `${it} `, it.replace('{', '{\n')));
  fc.assert(
    fc.property(json, metadata, (data, text) => {
      const event = { ...EVENTS[0]!, data, metadata: text };
      const line = writeCloudEvent(event);
      expect(line).not.toContain('\n');
      expect(readCloudEvent(line)).toEqual(event);
    }),
  );
});

test.each([
  ['', /no JSON/],
  ['[]', /no object/],
  ['{}', /no CloudEvent/],
  ['{"specversion":"0.3"}', /CloudEvents "0.3"/],
  ['{"specversion":"1.0"}', /of another system/],
  ['{"specversion":"1.0","backstoryversion":2}', /backstory event 2/],
])('%p is no event of ours, and what it is, is said', (line, message) => {
  expect(() => readCloudEvent(line)).toThrow(message);
});

test.each([
  'id',
  'subject',
  'streamversion',
  'sequence',
  'appendindex',
  'type',
  'schemaversion',
  'recordedtime',
  'metadata',
])('a CloudEvent without its %s, or with another one than can be, is no event', (name) => {
  const read = JSON.parse(writeCloudEvent(EVENTS[0]!)) as Record<string, unknown>;
  for (const value of [undefined, null, {}, 1.5]) {
    expect(() => readCloudEvent(JSON.stringify({ ...read, [name]: value }))).toThrow(UnknownFormat);
  }
  expect(() => readCloudEvent(JSON.stringify({ ...read, sequence: '7' }))).toThrow(/no position/);
  expect(() => readCloudEvent(JSON.stringify({ ...read, recordedtime: 'noon' }))).toThrow(/none/);
});

describe('a file that is not as it was written is refused, with the line', () => {
  const whole = exported(HEADER, EVENTS.map(writeCloudEvent));
  test.each([
    ['its end is missing', whole.slice(0, -1), 4, 'unfinished'],
    ['a line is missing', whole.filter((_, i) => i !== 1), 3, 'altered'],
    [
      'a line is another',
      whole.map((it, i) => (i === 1 ? it.replace('"amount":5', '"amount":6') : it)),
      4,
      'altered',
    ],
    ['a line is cut', whole.map((it, i) => (i === 2 ? it.slice(0, 90) : it)), 3, 'format'],
    [
      'a line is of another system',
      whole.map((it, i) => (i === 2 ? it.replace('"backstoryversion":1,', '') : it)),
      3,
      'format',
    ],
    ['something follows', [...whole, '{}'], 5, 'after-the-end'],
    ['there is nothing', [], 1, 'format'],
  ] as const)('%s', async (_, lines, line, problem) => {
    const error = (await readAll(lines).catch((it: unknown) => it)) as InvalidExport;
    expect(error).toBeInstanceOf(InvalidExport);
    expect(error).toMatchObject({ line, problem });
    expect(error.message).toContain(`file:${line}: `);
  });
});

/** Two streams, of which one append writes both, and what followed from an event. */
async function aLog() {
  const store = new MemoryEventStore();
  const [first, second, third] = [anEvent('a.opened'), anEvent('b.opened'), anEvent('a.closed')];
  await store.append([
    { stream: 'a-1', expected: 'none', events: [first, anEvent('a.named')] },
    { stream: 'b-1', expected: 'none', events: [second] },
  ]);
  const caused = anEvent('b.moved', { correlationId: first.id, causationId: first.id });
  await record(store, 'b-1', caused);
  await record(store, 'a-1', third);
  await record(store, '_audit-seals', anEvent('_audit.sealed'));
  return store;
}

describe('restored', () => {
  test('an export of everything makes the same log, in which appends are recognised', async () => {
    const store = await aLog();
    const copy = new MemoryEventStore();
    const { events, identity } = await restoreExport(
      copy,
      readerOf(await linesOf(store, { includeSystem: true })),
      'file',
    );
    expect({ events, head: identity.head }).toEqual({ events: 6, head: 6 });
    expect(await eventsOf(copy, { includeSystem: true })).toEqual(
      await eventsOf(store, { includeSystem: true }),
    );
  });

  test('a part of a log keeps its positions; of an append that filters have cut, the rest is one', async () => {
    const store = await aLog();
    const copy = new MemoryEventStore();
    await restoreExport(copy, readerOf(await linesOf(store, { categories: ['b'] })), 'file');
    const kept = await eventsOf(copy);
    expect(kept.map(({ position, appendIndex }) => [position, appendIndex])).toEqual([
      [3, 0],
      [4, 0],
    ]);
    expect(kept.map(({ appendIndex: _, ...it }) => it)).toEqual(
      (await eventsOf(store, { categories: ['b'] })).map(({ appendIndex: _, ...it }) => it),
    );
  });

  test('parts of streams, events that no store takes and logs that are in use are refused, and leave it empty', async () => {
    const store = await aLog();
    const copy = new MemoryEventStore();
    const restoring = async (lines: readonly string[]) =>
      (await restoreExport(copy, readerOf(lines), 'file').catch((it: unknown) => it)) as InvalidExport;
    expect(await restoring(await linesOf(store, { types: ['a.closed'] }))).toMatchObject({
      line: 2,
      problem: 'order',
      message: expect.stringContaining('export whole streams'),
    });
    const odd = EVENTS.map((it) => writeCloudEvent({ ...it, version: 1, appendIndex: 0 }));
    expect(
      await restoring(exported(HEADER, [odd[0]!, odd[0]!.replace('account.deposited', '\\u0001')])),
    ).toMatchObject({
      line: 3,
      problem: 'event',
      message: expect.stringMatching(/^file:3: type: must be/),
    });
    expect(await restoring([odd[0]!])).toMatchObject({ line: 1, problem: 'foreign' });
    expect(await eventsOf(copy)).toEqual([]);
    await record(copy, 'a-1', anEvent());
    expect(await restoring(await linesOf(store))).toMatchObject({ code: 'BACKSTORY_LOG_NOT_EMPTY' });
  });
});

describe('as new facts', () => {
  const importInto = async (copy: MemoryEventStore, lines: readonly string[]) => {
    const importing = new FactImport(copy);
    return importing.run(readerOf(lines), 'file');
  };

  test('events are recorded once, with causes of their own log and where they came from', async () => {
    const store = await aLog();
    const copy = new MemoryEventStore();
    await record(copy, 'a-1', anEvent());
    const lines = await linesOf(store, { includeSystem: true });
    expect(await checkFacts(readerOf(lines), 'file')).toBe(6);
    expect(await importInto(copy, lines)).toEqual({ recorded: 5, repeated: 0, leftOut: 1, withoutCause: 0 });
    expect(await importInto(copy, lines)).toEqual({ recorded: 0, repeated: 5, leftOut: 1, withoutCause: 0 });
    // Another part of the same log.
    expect(await importInto(copy, await linesOf(store, { types: ['b.moved'] }))).toMatchObject({
      repeated: 1,
      withoutCause: 0,
    });
    const [, first, , , caused] = await eventsOf(copy);
    const [original] = await eventsOf(store);
    const { logId } = await store.identity();
    expect(first).toMatchObject({ stream: 'a-1', version: 2, type: 'a.opened', data: '{}' });
    expect(JSON.parse(first!.metadata)).toMatchObject({
      ...(JSON.parse(original!.metadata) as object),
      origin: `backstory:${logId}/${original!.id}`,
    });
    expect(JSON.parse(caused!.metadata)).toMatchObject({
      correlationId: original!.id,
      causationId: first!.id,
    });
  });

  test('a cause that is not here is left out, and told', async () => {
    const store = await aLog();
    const copy = new MemoryEventStore();
    const lines = await linesOf(store, { types: ['b.moved'] });
    expect(await importInto(copy, lines)).toMatchObject({ recorded: 1, withoutCause: 1 });
    expect((await eventsOf(copy))[0]!.metadata).not.toContain('causationId');
  });

  test('CloudEvents of other systems are facts of the streams that their subjects name', async () => {
    const copy = new MemoryEventStore();
    const lines = [
      '\ufeff{"specversion":"1.0","id":"7","source":"/shop","type":"order.placed","subject":"order-9","time":"2026-01-02T03:04:05+01:00","correlationid":"flow","region":"eu","data":{"total":1.0}}',
      '',
      '{"specversion":"1.0","id":"8","source":"/shop","type":"order.paid","subject":"order-9","data_base64":"eyJhIjoxLjB9"}',
      '{"specversion":"1.0","id":"8","source":"/till","type":"order.paid","subject":"order-9"}',
    ];
    expect(await checkFacts(readerOf(lines), 'file')).toBe(3);
    expect(await importInto(copy, lines)).toMatchObject({ recorded: 3 });
    expect(await importInto(copy, lines)).toMatchObject({ recorded: 0, repeated: 3 });
    const found = await eventsOf(copy);
    expect(found.map(({ stream, type, data }) => [stream, type, data])).toEqual([
      ['order-9', 'order.placed', '{"total":1}'],
      ['order-9', 'order.paid', '{"a":1.0}'],
      ['order-9', 'order.paid', 'null'],
    ]);
    expect(JSON.parse(found[0]!.metadata)).toEqual({
      correlationId: 'flow',
      source: '/shop',
      occurredAt: '2026-01-02T02:04:05.000Z',
      cloudEvent: { region: 'eu' },
      origin: 'cloudevents:/shop/7',
    });
  });

  test.each([
    ['{"id":"7"}', 'format', /no CloudEvent 1.0/],
    ['{"specversion":"1.0","id":"7","source":"/s","type":"t"}', 'no-stream', /no subject/],
    [
      '{"specversion":"1.0","id":"7","source":"/s","type":"t","subject":"s","time":"noon"}',
      'format',
      /time is none/,
    ],
    [
      '{"specversion":"1.0","id":"7","source":"/s","type":"t","subject":"s","data_base64":"/w=="}',
      'format',
      /no text/,
    ],
    [
      '{"specversion":"1.0","id":"7","source":"/s","type":"t","subject":"s","data_base64":"eA=="}',
      'event',
      /data/,
    ],
    ['{"specversion":"1.0","id":"7","source":"/s","type":"t\\n","subject":"s"}', 'event', /type: must be/],
  ])('%s is refused before anything is recorded', async (line, problem, message) => {
    const fine = '{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"s"}';
    const error = (await checkFacts(readerOf([fine, line]), 'file').catch(
      (it: unknown) => it,
    )) as InvalidExport;
    expect(error).toMatchObject({ line: 2, problem });
    expect(error.message).toMatch(message);
  });
});
