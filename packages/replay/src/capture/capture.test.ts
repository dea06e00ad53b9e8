import fc from 'fast-check';
import type { StoredEvent } from '@backstory/core';
import {
  DomainEvent,
  EventTypes,
  Fields,
  instant,
  listOf,
  mapOf,
  personal,
  type Json,
} from '@backstory/events';
import { MemoryEventStore } from '@backstory/core/store';
import { anEvent, record } from '../../../../test/support/sqlite-files';
import { Pseudonyms, Redaction, capturedStreams } from '../capture';

const json = fc.jsonValue() as fc.Arbitrary<Json>;

/** Values that are not lists, objects, true, false or nothing. */
function leaves(value: Json): Json[] {
  if (value === null || typeof value === 'boolean') return [];
  return typeof value === 'object'
    ? Object.values(value as object).flatMap((it) => leaves(it as Json))
    : [value];
}

test('equal values become equal ones, in every capture with one key and in none with another', () => {
  fc.assert(
    fc.property(json, fc.string(), (value, key) => {
      const of = (with_: string) => JSON.stringify(new Pseudonyms(with_).of(value));
      expect(of(key)).toBe(of(key));
    }),
  );
  const [one, other] = [new Pseudonyms(), new Pseudonyms()];
  expect(one.of('ann')).toBe(one.of('ann'));
  expect(one.of('ann')).not.toBe(other.of('ann'));
});

test('what a value looks like stays', () => {
  const pseudonyms = new Pseudonyms('key');
  const shape = (it: Json) =>
    typeof it === 'string' ? it.replace(/[1-9]/g, '9').replace(/[a-f]/g, 'a') : typeof it;
  expect(pseudonyms.of(['12.30', -405, 0, '', null, true])).toEqual([
    expect.stringMatching(/^[1-9]{2}\.[1-9]0$/),
    expect.any(Number),
    0,
    '',
    null,
    true,
  ]);
  expect(JSON.stringify(pseudonyms.of(-405))).toMatch(/^-[1-9]0[1-9]$/);
  expect(JSON.stringify(pseudonyms.of(1.5e21))).toMatch(/e\+21$/);
  expect(pseudonyms.of('01890000-0000-7000-8000-000000000001')).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  for (const time of [
    '2026-01-02',
    '2026-01-02T03:04Z',
    '2026-01-02T03:04:05Z',
    '2026-01-02T03:04:05.678Z',
  ]) {
    const other = pseudonyms.of(time) as string;
    expect(other.replace(/\d/g, '9')).toBe(time.replace(/\d/g, '9'));
    expect(Number.isNaN(Date.parse(other))).toBe(false);
  }
  expect(pseudonyms.of('ann@example.com')).toMatch(/^redacted-[0-9a-f]{12}$/);
  expect(shape('a')).toBe('a');
});

test('nothing of a text is left', () => {
  fc.assert(
    fc.property(json, (value) => {
      const texts = leaves(value).filter(
        (it): it is string => typeof it === 'string' && /[a-z]{3}/i.test(it),
      );
      const other = JSON.stringify(new Pseudonyms('key').of(value));
      // Names of properties are no values.
      for (const text of texts) expect(leaves(JSON.parse(other) as Json)).not.toContain(text);
    }),
  );
});

describe('a redaction', () => {
  const event = {
    ...anEvent(),
    stream: 'customer-ann',
    version: 1,
    position: 1,
    appendIndex: 0,
    recordedAt: new Date(),
    data: '{ "owner":"ann", "total": 1.0, "lines":[{"sku":"pen","to":{"name":"ann"}},{"sku":"ink"}] }',
    metadata: '{"correlationId":"c","actor":"ann","source":"s","occurredAt":"2026-01-02T03:04:05.678Z"}',
  } satisfies StoredEvent;

  test('replaces what is named, everywhere alike, and leaves the rest', () => {
    const redaction = new Redaction(['owner', 'lines.to', 'metadata.actor', 'stream'], new Pseudonyms('key'));
    const made = redaction.of(event);
    const ann = new Pseudonyms('key').text('ann');
    expect(made).toMatchObject({ id: event.id, version: 1, position: 1, stream: `customer-${ann}` });
    expect(JSON.parse(made.data)).toEqual({
      owner: ann,
      total: 1,
      lines: [{ sku: 'pen', to: { name: ann } }, { sku: 'ink' }],
    });
    expect(JSON.parse(made.metadata)).toEqual({ ...(JSON.parse(event.metadata) as object), actor: ann });
    expect(redaction.unmatched.size).toBe(0);
    expect(JSON.stringify(made)).not.toContain('"ann"');
  });

  test('of other things leaves every text as it is, and knows which paths it did not find', () => {
    const redaction = new Redaction(['metadata.tenant'], new Pseudonyms('key'));
    expect(redaction.of(event).data).toBe(event.data);
    expect([...redaction.unmatched]).toEqual(['metadata.tenant']);
    const misspelt = new Redaction(['owners', 'total.of'], new Pseudonyms('key'));
    misspelt.of(event);
    expect([...misspelt.unmatched]).toEqual(['owners', 'total.of']);
    expect([...misspelt.names]).toEqual(['owner', 'total', 'lines']);
  });
});

class Person {
  constructor(
    readonly name: string,
    readonly friends: Person[],
  ) {}
}
Fields({ name: personal(), friends: listOf(Person) })(Person);

@DomainEvent('club.joined', { version: 2, upcast: { 1: (it) => it } })
@Fields({
  member: personal(),
  born: personal(instant),
  fees: mapOf({ payer: personal() }),
  people: listOf(Person),
  since: instant,
})
class Joined {}

@DomainEvent('club.closed')
class Closed {}

describe('what is declared personal', () => {
  const types = new EventTypes([Joined, Closed]);
  const event = (data: object, more: Partial<StoredEvent> = {}): StoredEvent => ({
    ...{ id: 'e', type: 'club.joined', schemaVersion: 2, stream: 'club-chess', version: 1, position: 1 },
    ...{ appendIndex: 0, recordedAt: new Date(), metadata: '{"actor":"ann"}', data: JSON.stringify(data) },
    ...more,
  });
  const pseudonyms = new Pseudonyms('key');

  test('is replaced without being named, in lists, maps and classes of themselves, with its form', () => {
    const redaction = new Redaction(['member', 'metadata.actor'], pseudonyms, types);
    const people = [{ name: 'ann', friends: [{ name: 'ben', friends: [] }] }];
    const born = '1990-01-02T00:00:00.000Z';
    const fees = [['ann', { payer: 'ben', amount: 3 }]];
    const made = redaction.of(event({ member: 'ann', born, fees, people, since: born, note: null }));
    const [ann, ben] = [pseudonyms.text('ann'), pseudonyms.text('ben')];
    expect(JSON.parse(made.data)).toEqual({
      member: ann,
      born: pseudonyms.text(born),
      fees: [['ann', { payer: ben, amount: 3 }]],
      people: [{ name: ann, friends: [{ name: ben, friends: [] }] }],
      since: born,
      note: null,
    });
    expect(JSON.parse(made.metadata)).toEqual({ actor: ann });
    expect([...redaction.personal]).toEqual([
      'member',
      'born',
      'fees.payer',
      'people.name',
      'people.friends.name',
    ]);
    expect([...redaction.unmatched, ...redaction.older]).toEqual([]);
    expect(redaction.everything).toEqual(['member', 'metadata.actor', 'born', 'fees.payer', 'people.name']);
    const closed = event({ at: ' ' }, { type: 'club.closed', data: '{ "members": 2 }' });
    expect(new Redaction([], pseudonyms, types).of(closed).data).toBe(closed.data);
  });

  test('of older data is told, for it may have had other names', () => {
    const redaction = new Redaction([], pseudonyms, types);
    redaction.of(event({ member: 'ann' }, { schemaVersion: 1 }));
    expect([...redaction.older]).toEqual(['club.joined']);
  });
});

test('where what was redacted still stands by itself is found, and counted by event', () => {
  const redaction = new Redaction(['owner', 'stream'], new Pseudonyms('key'));
  redaction.stream('fine-S100992');
  const fine = (data: object, metadata: object): StoredEvent => ({
    ...{ id: 'e', type: 'a.b', schemaVersion: 1, stream: 'fine-S100992', version: 1, position: 1 },
    ...{ appendIndex: 0, recordedAt: new Date() },
    ...{ data: JSON.stringify(data), metadata: JSON.stringify(metadata) },
  });
  redaction.of(
    fine({ owner: 'Ann', lines: ['for Ann', 'Ann'] }, { correlationId: 'case-S100992', actor: 'Anne' }),
  );
  redaction.of(fine({ owner: 'x', notes: [{ text: 'S1009921 x' }] }, { correlationId: 'case-S100992' }));
  expect([...redaction.leftovers]).toEqual([
    ['lines', 1],
    ['metadata.correlationId', 2],
  ]);
});

test('of a flow all streams that it touched are captured, up to its last event; of a stream what was asked for', async () => {
  const store = new MemoryEventStore();
  await record(store, 'a-1', anEvent('a.b', { correlationId: 'other' }));
  await record(store, 'a-1', anEvent('a.b', { correlationId: 'flow' }));
  await record(store, 'b-1', anEvent('a.b', { correlationId: 'flow' }));
  await record(store, '_x', anEvent('a.b', { correlationId: 'flow' }));
  await record(store, 'a-1', anEvent('a.b', { correlationId: 'a-1' }));
  expect(await capturedStreams(store, 'flow')).toEqual({ streams: ['a-1', 'b-1'], upTo: 3 });
  expect(await capturedStreams(store, 'a-1')).toEqual({ streams: ['a-1'], upTo: 5 });
  expect(await capturedStreams(store, 'a-1', { atVersion: 1 })).toEqual({ streams: ['a-1'], upTo: 1 });
  await expect(capturedStreams(store, 'a-2')).rejects.toMatchObject({ code: 'BACKSTORY_STREAM_NOT_FOUND' });
});
