import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  Aggregate,
  Context,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  defineBackstory,
  follow,
  memory,
  sqlite,
  type App,
  type RecordedEvent,
} from 'backstory';

@DomainEvent('step.taken')
class StepTaken {
  constructor(readonly hop: number) {}
}

@Aggregate('walk')
class Walk extends EventSourcedAggregate {
  hop = 0;
  step(hop: number) {
    this.raise(new StepTaken(hop));
  }
  @EventHandler(StepTaken) protected taken(event: StepTaken) {
    this.hop = event.hop;
  }
}

const HOPS = 3;

/** Reacts to each step by taking the next in a stream of its own, as a subscriber would: each event in its own context. */
async function react(app: App, until: number): Promise<void> {
  const stop = new AbortController();
  let seen = 0;
  const at: Promise<void>[] = [];
  for await (const page of follow(app.events, { signal: stop.signal })) {
    for (const stored of page.events) {
      const event = app.types.decode(stored) as RecordedEvent<StepTaken>;
      const by = { subscription: 'walker', handler: 'Walker.next' };
      at.push(Context.handling(event, by).run(() => next(app, event)));
      if (++seen === until) stop.abort();
    }
  }
  await Promise.all(at);
}

async function next(app: App, event: RecordedEvent<StepTaken>): Promise<void> {
  if (event.data.hop === HOPS) return;
  await sleep(Math.random() * 5);
  const id = `${event.stream.slice('walk-'.length)}+`;
  await app.repository(Walk).update(id, (walk) => walk.step(event.data.hop + 1), { create: true });
}

describe.each(['memory', 'sqlite'])('flows through an application on %s', (kind) => {
  let folder: string;
  let app: App;

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'flows-'));
    const store = kind === 'memory' ? memory() : sqlite(path.join(folder, 'flows.db'));
    app = await defineBackstory({ name: 'flows', store, aggregates: [Walk] }).start();
  });
  afterEach(async () => {
    await app.close();
    await fs.rm(folder, { recursive: true });
  });

  test('an event caused by a handler names the event it reacted to, two hops deep, in 100 interleaved flows', async () => {
    const flows = Array.from({ length: 100 }, (_, i) => `${i}`);
    const reacting = react(app, flows.length * HOPS);
    const begin = (flow: string) =>
      app.repository(Walk).update(flow, (walk) => walk.step(1), { create: true });
    await Promise.all(
      flows.map((flow) => Context.of({ correlationId: `flow-${flow}`, actor: flow }).run(() => begin(flow))),
    );
    await reacting;
    for (const flow of flows) {
      const [first, second, third] = await Promise.all(
        ['', '+', '++'].map((suffix) => only(app, flow + suffix)),
      );
      const { correlationId } = first!.metadata;
      expect(correlationId).toBe(`flow-${flow}`);
      expect(first!.metadata).not.toHaveProperty('causationId');
      expect(second!.metadata).toMatchObject({ correlationId, causationId: first!.id, actor: flow });
      expect(third!.metadata).toMatchObject({ correlationId, causationId: second!.id, actor: flow });
    }
  });

  test('a flow that nobody named is named by its first event', async () => {
    const { ids } = await app
      .repository(Walk)
      .update('1', (walk) => (walk.step(1), walk.step(2)), { create: true });
    const events = await eventsOf(app, '1');
    expect(events.map(({ metadata }) => metadata.correlationId)).toEqual([ids[0], ids[0]]);
    expect(events.map(({ metadata }) => metadata.causationId)).toEqual([undefined, undefined]);
  });

  test('a handler that is run again for the same event records nothing again', async () => {
    await app.repository(Walk).update('1', (walk) => walk.step(1), { create: true });
    const event = await only(app, '1');
    const by = { subscription: 'walker', handler: 'Walker.next' };
    const handle = () => Context.handling(event, by).run(() => next(app, event));
    await handle();
    await Promise.all([handle(), handle()]);
    expect((await app.events.identity()).head).toBe(2);
  });

  test('a command that is sent again records nothing again and does not decide again', async () => {
    let decided = 0;
    const command = () =>
      app
        .repository(Walk)
        .update('1', (walk) => void (decided++, walk.step(walk.hop + 1)), { create: true, commandId: 'c-1' });
    const first = await command();
    await app.repository(Walk).update('1', (walk) => walk.step(9));
    const again = await command();
    expect(again).toMatchObject({ repeated: true, version: first.version, ids: first.ids });
    expect(decided).toBe(1);
    expect((await app.events.identity()).head).toBe(2);
  });
});

async function eventsOf(app: App, id: string): Promise<RecordedEvent<StepTaken>[]> {
  const events: RecordedEvent<object>[] = [];
  for await (const event of app.repository(Walk).eventsSince(id)) events.push(event);
  return events as RecordedEvent<StepTaken>[];
}

async function only(app: App, id: string): Promise<RecordedEvent<StepTaken>> {
  const events = await eventsOf(app, id);
  expect(events).toHaveLength(1);
  return events[0]!;
}
