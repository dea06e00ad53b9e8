import { Recorder } from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import { Projections } from '@backstory/projection';
import { storageOf } from './place.js';
import { lately, ledger, totals } from './projection-crash.js';

/** Feeds the projections until it is killed: the live generations, or new ones beside them. Tells once one is beyond a position. */
async function main([log, state, mode, position]: readonly string[]): Promise<void> {
  const { events } = await storageOf(log!).open();
  const beside = await storageOf(state!).open();
  const recorder = new Recorder(events, { source: 'feeder' });
  const beyond = () => void process.stdout.write('beyond\n');
  const observer: Observer = {
    ...silent,
    checkpoint: (facts) => facts().through > Number(position) && beyond(),
  };
  const projections = new Projections({ events, state: beside.state, recorder, observer, leaseMs: 400 });
  for (const source of [totals, lately, ledger]) projections.declare(source);
  if (mode === 'live') {
    await projections.start();
    process.stdout.write('ready\n');
    return;
  }
  // At one pace, and not at their best: neither is then filled long before the other.
  await Promise.all(['totals', 'ledger'].map((name) => projections.fill(name, { eventsPerSecond: 1_000 })));
  process.stdout.write('filled\n');
  beyond();
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
