import { Recorder } from '@backstory/core';
import { Projections } from '@backstory/projection';
import { storageOf } from './place.js';
import { lately, ledger, totals } from './projection-crash.js';

/** Feeds the projection until it is killed: the live generation, or a new one beside it. */
async function main([log, state, mode, name]: readonly string[]): Promise<void> {
  const { events } = await storageOf(log!).open();
  const beside = await storageOf(state!).open();
  const recorder = new Recorder(events, { source: 'feeder' });
  const projections = new Projections({ events, state: beside.state, recorder, leaseMs: 400 });
  for (const source of name === 'ledger' ? [ledger] : [totals, lately]) projections.declare(source);
  process.stdout.write('ready\n');
  if (mode === 'live') return projections.start();
  await projections.fill(name!, { eventsPerSecond: name === 'ledger' ? 2_000 : 4_000 });
  process.stdout.write('filled\n');
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
