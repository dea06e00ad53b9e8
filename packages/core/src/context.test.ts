import { AppendOutcomeUnknown, VersionConflict } from './errors.js';
import fc from 'fast-check';
import { Context } from './context.js';
import type { ContextFields } from './context-fields.js';
import type { RecordedEvent } from './event.js';
import { deriveId, newId } from './ids.js';
import { MemoryEventStore } from './memory-event-store.js';
import { readRecorded } from './event.js';
import { Recorder } from './recorder.js';

const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 30 });
const anyFields = fc.record(
  {
    correlationId: text,
    causationId: text,
    actor: text,
    tenant: text,
    command: text,
    commandId: text,
    priority: fc.constantFrom('low' as const, 'normal' as const, 'high' as const, 'critical' as const),
    traceparent: text,
    tracestate: text,
    origin: text,
    own: fc.dictionary(
      text.map((name) => `own ${name}`),
      text,
    ),
  },
  { requiredKeys: [] },
);

const by = { subscription: 'fraud', handler: 'check' };

function recordedEvent(metadata: object, id = newId()): RecordedEvent {
  const known = { correlationId: 'flow', source: 'test', occurredAt: '2026-01-02T03:04:05.678Z' };
  const place = { stream: 'a-1', version: 1, position: 1, recordedAt: new Date(0) };
  return { id, type: 't', schemaVersion: 1, data: {}, metadata: { ...known, ...metadata }, ...place };
}

it('a context that travels as JSON arrives equal, text for text', () => {
  fc.assert(
    fc.property(anyFields, (fields) => {
      const json = JSON.stringify(Context.of(fields));
      expect(Context.parse(json).fields).toEqual(Context.of(fields).fields);
      expect(JSON.stringify(Context.parse(json))).toBe(json);
    }),
  );
});

it('a context inside a command travels as the same text as any other', () => {
  const context = Context.of({ actor: 'ann', origin: 'kafka:1', own: { shift: 'early' } }).withCommand('c-1');
  expect(JSON.stringify(Context.parse(JSON.stringify(context)))).toBe(JSON.stringify(context));
  expect(Object.isFrozen(context.fields)).toBe(true);
});

it.each(['1', 'null', '[]', '"x"', '{"actor":1}', '{"own":{"actor":"x"}}', '{"own":{"n":1}}'])(
  'what is no context is refused: %s',
  (json) => expect(() => Context.parse(json)).toThrow(TypeError),
);

it('with changes some fields and removes those set to undefined', () => {
  const context = Context.of({ actor: 'ann', tenant: 't1' }).with({ actor: 'bob', tenant: undefined });
  expect(context.fields).toEqual({ actor: 'bob' });
});

it('the ambient context follows await, timers and callbacks, and ends with its run', async () => {
  const seen = await Context.of({ actor: 'ann' }).run(async () => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return new Promise((resolve) => setImmediate(() => resolve(Context.current().fields.actor)));
  });
  expect(seen).toBe('ann');
  expect(Context.current()).toBe(Context.none);
  expect(Context.of({ actor: 'ann' }).run(() => Context.none.run(() => Context.current().fields))).toEqual(
    {},
  );
});

it('a hundred interleaved flows never mix', async () => {
  const store = new MemoryEventStore();
  const recorder = new Recorder(store, { source: 'test' });
  const flow = async (n: number): Promise<void> => {
    for (let step = 0; step < 5; step++) {
      await new Promise((resolve) => setTimeout(resolve, (n * 7 + step * 3) % 4));
      await recorder.record([
        { stream: `flow-${n}`, expected: 'any', events: [{ type: 't', data: String(n) }] },
      ]);
    }
  };
  const flows = Array.from({ length: 100 }, (_, n) =>
    Context.of({ correlationId: `c-${n}`, actor: `a-${n}`, own: { n: String(n) } }).run(() => flow(n)),
  );
  await Promise.all(flows);
  let count = 0;
  for await (const { events } of store.readAll()) {
    for (const event of events) {
      const { correlationId, actor, n } = readRecorded(event).metadata;
      expect([event.stream, correlationId, actor, n]).toEqual([
        `flow-${event.data}`,
        `c-${event.data}`,
        `a-${event.data}`,
        event.data,
      ]);
      count++;
    }
  }
  expect(count).toBe(500);
});

it('an event caused by a handler names the event it reacted to, two hops deep', async () => {
  const store = new MemoryEventStore();
  const recorder = new Recorder(store, { source: 'test' });
  const record = (type: string) =>
    recorder.record([{ stream: `${type}-1`, expected: 'any', events: [{ type, data: '{}' }] }]);
  const last = async (): Promise<RecordedEvent> => {
    for await (const { events } of store.readAll({ backwards: true, limit: 1 }))
      return readRecorded(events[0]!);
    throw new Error('the log is empty');
  };
  await Context.of({ actor: 'ann', tenant: 't1' }).run(() => record('ordered'));
  const ordered = await last();
  await Context.handling(ordered, by).run(() => record('paid'));
  const paid = await last();
  await Context.handling(paid, by).run(() => record('shipped'));
  const shipped = await last();
  expect(ordered.metadata).toMatchObject({ correlationId: ordered.id });
  expect(ordered.metadata).not.toHaveProperty('causationId');
  expect(paid.metadata).toMatchObject({ correlationId: ordered.id, causationId: ordered.id, actor: 'ann' });
  expect(shipped.metadata).toMatchObject({ correlationId: ordered.id, causationId: paid.id, tenant: 't1' });
});

it('handling leaves behind what belongs to the command and the trace of the event', () => {
  const event = recordedEvent({
    command: 'pay',
    commandId: 'c-1',
    traceparent: '00-1',
    origin: 'o',
    own: 'x',
  });
  expect(Context.handling(event, by).fields).toEqual({ correlationId: 'flow', causationId: event.id });
});

it('an event whose metadata was recorded by somebody careless can be handled', () => {
  const event = recordedEvent({ actor: 7, tenant: null, priority: 'high' });
  expect(Context.handling(event, by).fields).toEqual({
    correlationId: 'flow',
    causationId: event.id,
    priority: 'high',
  });
});

it('ids of appends follow from subscription, handler, event, stream and count, and repeat with them', () => {
  const event = recordedEvent({}, 'e-1');
  const idsOf = (context: Context) => ['a-1', 'a-1', 'b-1'].map((stream) => idFor(context, stream));
  const ids = idsOf(Context.handling(event, by));
  expect(ids).toEqual(idsOf(Context.handling(event, by)));
  expect(ids).toEqual(
    [0, 1, 0].map((nth, i) => deriveId('handler', 'fraud', 'check', 'e-1', nth, ['a-1', 'a-1', 'b-1'][i]!)),
  );
  const others = [
    Context.handling(event, { ...by, handler: 'other' }),
    Context.handling(event, { ...by, subscription: 'other' }),
    Context.handling(recordedEvent({}, 'e-2'), by),
    Context.none.withCommand('e-1'),
  ].map((context) => idFor(context, 'a-1'));
  expect(new Set([...ids, ...others]).size).toBe(7);
});

it('nothing is derived where nothing will be repeated; with keeps the count', () => {
  expect(idFor(Context.of({ commandId: 'c-1' }), 'a-1')).toBeUndefined();
  const context = Context.none.withCommand('c-1');
  const first = idFor(context, 'a-1');
  expect(idFor(context.with({ actor: 'ann' }), 'a-1')).not.toBe(first);
});

it('a context has no field that is not text', () => {
  expect(() => Context.of({ actor: 1 } as unknown as ContextFields)).toThrow(/actor must be text/);
});

it('a save that ends in a conflict is tried again under the same id; one that fails otherwise has had its turn', async () => {
  const context = Context.none.withCommand('c-1');
  const ids: (string | undefined)[] = [];
  const save = (error?: Error) =>
    context
      .saving('a-1', async (id) => {
        ids.push(id);
        if (error) throw error;
      })
      .catch(() => undefined);
  await save(new VersionConflict('a-1', 0, 1));
  await save(new Error('no funds'));
  await save();
  expect(ids[1]).toBe(ids[0]);
  expect(ids[2]).not.toBe(ids[0]);
});

it('in a handler a save with a command name of its own is not taken for another that was left out', () => {
  const event = recordedEvent({}, 'e-1');
  const first = Context.handling(event, by);
  const both = ['reserve', 'charge'].map((command) => idFor(first.with({ command }), 'a-1'));
  const again = Context.handling(event, by);
  expect(idFor(again.with({ command: 'charge' }), 'a-1')).toBe(both[1]);
  expect(both[1]).not.toBe(both[0]);
  expect(both[1]).toBe(deriveId('handler', 'fraud', 'check', 'e-1', 0, 'a-1', 'charge'));
});

it('a command is known by its id, however it is called', () => {
  const [one, other] = ['pay', 'Pay'].map((command) =>
    idFor(Context.none.withCommand('c-1').with({ command }), 'a-1'),
  );
  expect(one).toBe(other);
});

it('a save of which nobody knows how it ended is repeated under its id', async () => {
  const context = Context.none.withCommand('c-1');
  const ids: (string | undefined)[] = [];
  const save = (error?: Error) =>
    context.saving('a-1', async (id) => {
      ids.push(id);
      if (error) throw error;
    });
  await save(new AppendOutcomeUnknown('x', 1)).catch(() => undefined);
  await save(new Error('no', { cause: new AppendOutcomeUnknown('x', 1) })).catch(() => undefined);
  await save(new Error('no', { cause: new VersionConflict('x', 1, 2) })).catch(() => undefined);
  await save();
  expect(ids).toEqual(Array.from({ length: 4 }, () => ids[0]));
});

it('parallel saves to one stream keep their own ids when one of them ends in a conflict', async () => {
  const context = Context.none.withCommand('c-1');
  const ids: (string | undefined)[] = [];
  const save = (fails: boolean) =>
    context.saving('a-1', async (id) => {
      ids.push(id);
      await new Promise((turn) => setImmediate(turn));
      if (fails) throw new VersionConflict('a-1', 0, 1);
    });
  await Promise.allSettled([save(true), save(false)]);
  await Promise.all([save(false), save(false)]);
  expect(ids[2]).toBe(ids[0]);
  expect(new Set(ids).size).toBe(3);
});

/** The id that a save in this context gets. */
function idFor(context: Context, stream: string): string | undefined {
  let given: string | undefined;
  void context.saving(stream, async (id) => void (given = id));
  return given;
}

it.each(['correlationId', 'source', 'occurredAt', '__proto__'])('%s is no name for an own key', (name) => {
  const own = Object.defineProperty({}, name, { value: 'x', enumerable: true }) as Record<string, string>;
  expect(() => Context.of({ own })).toThrow(`own.${name}`);
});
