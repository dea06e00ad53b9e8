import { Recorder } from '@backstory/core';
import { Projections } from '@backstory/projection';
import { storageOf } from './place.js';
import { lately, ledger, totals } from './projection-crash.js';

/** Feeds the projections until it is killed: the live generations, or new ones beside them. */
async function main([log, state, mode]: readonly string[]): Promise<void> {
  const { events } = await storageOf(log!).open();
  const beside = await storageOf(state!).open();
  const recorder = new Recorder(events, { source: 'feeder' });
  const projections = new Projections({ events, state: beside.state, recorder, leaseMs: 400 });
  for (const source of [totals, lately, ledger]) projections.declare(source);
  process.stdout.write('ready\n');
  if (mode === 'live') return projections.start();
  // At one pace, and not at their best: neither is then filled long before the other.
  await Promise.all(['totals', 'ledger'].map((name) => projections.fill(name, { eventsPerSecond: 1_000 })));
  process.stdout.write('filled\n');
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
