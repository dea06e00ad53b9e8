import {
  Aggregate,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  defineBackstory,
  sqlite,
} from 'backstory';
import { silent, type Observer } from '@backstory/core/observe';

@DomainEvent('tally.counted')
class Counted {
  constructor(readonly by: string) {}
}

@Aggregate('tally', { snapshots: { every: 5, keep: 4 } })
class Tally extends EventSourcedAggregate {
  total = 0;
  by: Record<string, number> = {};
  count(by: string): void {
    this.raise(new Counted(by));
  }
  @EventHandler(Counted) protected counted({ by }: Counted): void {
    this.total++;
    this.by[by] = (this.by[by] ?? 0) + 1;
  }
}

/**
 * Counts so often on two tallies, and says on standard output what was recorded, after it was. Counting not at all it loads
 * both and says what they are, and from where each load began.
 */
async function main([file, name, times]: readonly string[]): Promise<void> {
  let began = '';
  const observer: Observer = {
    ...silent,
    load: (_start, work) => work((facts) => void (began = facts().from)),
  };
  const store = sqlite(file!);
  const tallies = defineBackstory({ name: 'tally', store, aggregates: [Tally], cache: {}, observer });
  await tallies.run(async (app) => {
    for (const id of times === '0' ? ['0', '1'] : []) {
      const { version, total, by } = await app.repository(Tally).load(id);
      process.stdout.write(`${JSON.stringify({ id, version, total, by, from: began })}\n`);
    }
    for (let i = 0; i < Number(times); i++) {
      const id = String(i % 2);
      // Every load is checked against a fold of all events, and one that differs throws: this is no production.
      const { aggregate, version } = await app
        .repository(Tally)
        .update(id, (tally) => tally.count(name!), { create: true, attempts: 1_000 });
      if (aggregate.total !== version) throw new Error(`${aggregate.total} counted in version ${version}`);
      process.stdout.write(`${id} ${version}\n`);
    }
  });
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
