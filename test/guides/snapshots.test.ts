import os from 'node:os';
import fs from 'node:fs';
import path from 'node:path';
import {
  Aggregate,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  defineBackstory,
  sqlite,
} from 'backstory';
import { silent, type Observer } from '@backstory/core/observe';

// The code of docs/guides/snapshots.md.
@DomainEvent('meter.read')
class Read {
  constructor(readonly kilowattHours: number) {}
}

@Aggregate('meter', { snapshots: { every: 100 } })
class Meter extends EventSourcedAggregate {
  total = 0;
  read(kilowattHours: number) {
    this.raise(new Read(kilowattHours));
  }
  @EventHandler(Read) protected wasRead(event: Read) {
    this.total += event.kilowattHours;
  }
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'meters-'));
const file = path.join(folder, 'meters.db');
const store = sqlite(file);
const grid = defineBackstory({
  name: 'grid',
  store,
  aggregates: [Meter],
  cache: { entries: 1_000 },
});

afterAll(() => fs.rmSync(folder, { recursive: true }));

test('a long stream is folded from its latest snapshot, and what is wrong with one is told', async () => {
  await grid.run(async (app) => {
    const meters = app.repository(Meter);
    for (let day = 0; day < 250; day++) {
      await meters.update('7', (meter) => meter.read(10), { create: true });
    }
    expect(await meters.load('7', { atVersion: 120 })).toMatchObject({ version: 120, total: 1_200 });
  });

  const problems: string[] = [];
  const observer: Observer = {
    ...silent,
    snapshot: (start, work) =>
      work((facts) => {
        const { stream } = start();
        const { result, reason } = facts();
        if (reason !== undefined) problems.push(`${stream}: ${result}, ${reason}`);
      }),
  };
  const watched = defineBackstory({ name: 'grid', store, aggregates: [Meter], observer });
  await watched.run(async (app) => {
    const [newest] = await app.state.read((view) =>
      view.list('backstory.snapshots', { backwards: true, limit: 1 }),
    );
    await app.state.transaction([], (state) => state.put('backstory.snapshots', newest!.key, 'broken'));
    expect(await app.repository(Meter).load('7')).toMatchObject({ version: 250, total: 2_500 });
  });
  expect(problems).toContain('meter-7: stale, it cannot be read');
});
