import fc from 'fast-check';
import { checkAppend } from './append-check.js';
import type { StampedEvent } from './event.js';

const metadata =
  '{"correlationId":"c","causationId":"e","source":"s","occurredAt":"2026-01-02T03:04:05.678Z"}';

function event(fields: Partial<StampedEvent> = {}): StampedEvent {
  return { id: 'i', type: 't', schemaVersion: 1, data: '{}', metadata, ...fields };
}

function check(fields: Partial<StampedEvent>, options?: { maxEventBytes: number }) {
  return checkAppend([{ stream: 'a-1', expected: 'none', events: [event(fields)] }], options);
}

it('an append is told by its first id, counted, measured, and said what stores index', () => {
  const checked = checkAppend([
    { stream: 'a-1', expected: 'none', events: [event({ data: '"é"' })] },
    { stream: 'b-1', expected: 'exists', events: [event({ id: 'j' })] },
  ]);
  expect(checked).toMatchObject({ appendId: 'i', eventCount: 2, bytes: 4 + 2 + 2 * metadata.length });
  expect(checked.writes.map(({ expected }) => expected)).toEqual([0, 'exists']);
  expect(checked.writes[0]?.events).toEqual([
    { ...event({ data: '"é"' }), correlationId: 'c', causationId: 'e' },
  ]);
});

it('only what belongs to an event is kept', () => {
  const stray = { ...event(), position: 7, extra: true };
  expect(check(stray).writes[0]?.events[0]).not.toHaveProperty('position');
});

it('the size of an event is that of its data and metadata in UTF-8, to the byte', () => {
  const room = 200 - metadata.length - 2;
  const data = (length: number) => `"${'x'.repeat(length)}"`;
  expect(check({ data: data(room) }, { maxEventBytes: 200 }).bytes).toBe(200);
  expect(() => check({ data: data(room + 1) }, { maxEventBytes: 200 })).toThrow(/201 bytes, at most 200/);
  expect(() => check({ data: data(room - 1).replace('xx', 'éé') }, { maxEventBytes: 200 })).toThrow(
    /201 bytes/,
  );
});

it('nesting counts brackets outside of texts, up to 500', () => {
  const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  expect(() => check({ data: nested(500) })).not.toThrow();
  expect(() => check({ data: nested(501) })).toThrow(expect.objectContaining({ problem: 'too-deep' }));
  expect(() => check({ data: JSON.stringify('[{"\\'.repeat(600)) })).not.toThrow();
  expect(() => check({ data: '{"a":'.repeat(501) + '1' + '}'.repeat(501) })).toThrow(/501|500 levels/);
});

it('metadata is an object of its own: what it inherits does not count, its last key does', () => {
  expect(() => check({ metadata: '{"__proto__":' + metadata + '}' })).toThrow(/correlationId/);
  const twice = metadata.replace('{', '{"correlationId":"first",');
  expect(check({ metadata: twice }).writes[0]?.events[0]).toMatchObject({
    correlationId: 'c',
    metadata: twice,
  });
});

it.each([
  '2026-01-02',
  '2026-01-02T03:04:05Z',
  '2026-01-02T03:04:05.678+01:00',
  '2026-02-30T00:00:00.000Z',
  '2026-04-31T00:00:00.000Z',
  '2025-02-29T00:00:00.000Z',
  '2026-01-00T00:00:00.000Z',
  '2026-13-01T00:00:00.000Z',
  '2026-01-02T24:00:00.000Z',
  '2026-01-02T23:60:00.000Z',
  '2026-01-02T23:59:60.000Z',
  '2026-01-02t03:04:05.678z',
  '2026-01-02T03:04:05.678Z ',
  '+002026-01-02T03:04:05.678Z',
  '-000000-01-02T03:04:05.678Z',
  'x',
])('%s is no time that an event may have occurred at', (occurredAt) => {
  const wrong = metadata.replace('2026-01-02T03:04:05.678Z', occurredAt);
  expect(() => check({ metadata: wrong })).toThrow(/metadata.occurredAt: must be a time in ISO 8601/);
});

it.each([
  '2024-02-29T23:59:59.999Z',
  '2026-01-31T00:00:00.000Z',
  '0000-01-01T00:00:00.000Z',
  '+275760-09-13T00:00:00.000Z',
  '-271821-04-20T00:00:00.000Z',
])('%s is one', (occurredAt) => {
  expect(() => check({ metadata: metadata.replace('2026-01-02T03:04:05.678Z', occurredAt) })).not.toThrow();
});

it('a time is told by its form and its calendar exactly as toISOString writes it', () => {
  const digits = (most: number, length: number) =>
    fc.integer({ min: 0, max: most }).map((n) => String(n).padStart(length, '0'));
  const parts = fc.tuple(
    ...[
      digits(9_999, 4),
      digits(14, 2),
      digits(33, 2),
      digits(25, 2),
      digits(61, 2),
      digits(61, 2),
      digits(999, 3),
    ],
  );
  fc.assert(
    fc.property(parts, ([year, month, day, hour, minute, second, ms]) => {
      const text = `${year}-${month}-${day}T${hour}:${minute}:${second}.${ms}Z`;
      const time = Date.parse(text);
      const exact = !Number.isNaN(time) && new Date(time).toISOString() === text;
      const fields = { metadata: metadata.replace('2026-01-02T03:04:05.678Z', text) };
      if (exact) expect(() => check(fields)).not.toThrow();
      else expect(() => check(fields)).toThrow(/occurredAt/);
    }),
    { numRuns: 2_000 },
  );
});

it('what is no write or no event at all is refused like the rest', () => {
  expect(() => checkAppend([null as never])).toThrow(/writes\[0\]: must be a write/);
  expect(() => checkAppend([{ stream: 'a-1', expected: 'any', events: [null as never] }])).toThrow(
    /writes\[0\]\.events\[0\]: must be a stamped event/,
  );
});
