import {
  Aggregate,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  defineBackstory,
  sqlite,
} from 'backstory';

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

/** Counts so often on two tallies, and says on standard output what was recorded, after it was. */
async function main([file, name, times]: readonly string[]): Promise<void> {
  const tallies = defineBackstory({ name: 'tally', store: sqlite(file!), aggregates: [Tally], cache: {} });
  await tallies.run(async (app) => {
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
