import { postgres } from '@backstory/postgres';
import { byStream, roundOf, type Batch, type RoundSize } from '../batches.js';

/** What a process of writers is told: to make ready the events of its next round, then to append them. Each is answered. */
export type Order = { readonly prepare: RoundSize } | 'append';

async function main([url]: readonly string[]): Promise<void> {
  const storage = await postgres(url!).open();
  storage.events.onAppend(() => undefined);
  const versions = new Map<string, number>();
  let round: readonly Batch[] = [];
  const obey = async (order: Order) => {
    if (order === 'append') return byStream(storage.events, round);
    round = roundOf(order.prepare, versions);
  };
  process.on('message', (order: Order) => void obey(order).then(() => process.send!('done'), fail));
  process.on('disconnect', () => void storage.close().catch(fail));
  process.send!('done');
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}

main(process.argv.slice(2)).catch(fail);
