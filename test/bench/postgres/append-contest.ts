import type { EventStore } from '@backstory/core';
import { silent } from '@backstory/core/observe';
import { postgres } from '@backstory/postgres';
import type { Client } from 'pg';
import { leftBy, proofOf, roundOf, type Batch, type Left, type RoundSize } from '../batches.js';
import type { Contest, Setting, Side } from '../row.js';
import { bareDatabase, checkSameTables, eventsTable } from './bare-database.js';
import { bareInserts } from './bare-inserts.js';
import { LeftBehind } from './left-behind.js';

export interface Appending extends RoundSize {
  /** Appends a round's batches to the store. */
  append(store: Pick<EventStore, 'append'>, batches: readonly Batch[]): Promise<void>;
  /** How many events the bare side writes in one statement, which is a transaction. */
  readonly bareTransaction: number;
}

/** Both sides append the same events in the same order, each to a database of its own, which grows from round to round. */
export async function appendContest(setting: Setting, appending: Appending): Promise<Contest> {
  const server = await setting.server();
  const [looking, bare] = [await bareDatabase(server), await bareDatabase(server)];
  await checkSameTables(looking.client, bare.client);
  const watched = new Watched();
  const storage = await postgres(looking.url).open({ observer: watched.observer });
  // Somebody listens, as in every application that follows its log.
  storage.events.onAppend(() => undefined);
  return {
    amount: appending.batches * appending.batchSize,
    expected: proofOf(leftBy(appending)),
    ddl: await eventsTable(bare.client),
    ours: {
      ...side(appending, looking.client, {
        run: (batches) => appending.append(watched.by(storage.events), batches),
        proof: proofOf,
      }),
      also: () => watched.figures(),
    },
    bare: bareSide(appending, bare.client),
    async close() {
      await storage.close();
      await Promise.all([looking.client.end(), bare.client.end()]);
    },
  };
}

/** How long appends took and how many were committed together, since it was last asked. */
class Watched {
  private waits: number[] = [];
  private batches: number[] = [];
  readonly observer = { ...silent, appendBatch: this.batch.bind(this) };

  by(store: EventStore): Pick<EventStore, 'append'> {
    return {
      append: async (writes) => {
        const began = performance.now();
        const result = await store.append(writes);
        this.waits.push(performance.now() - began);
        return result;
      },
    };
  }

  figures(): Readonly<Record<string, number>> {
    const waits = this.waits.sort((a, b) => a - b);
    const p99 = waits[Math.ceil(waits.length * 0.99) - 1] ?? NaN;
    const batch = this.batches.reduce((sum, size) => sum + size, 0) / this.batches.length;
    this.waits = [];
    this.batches = [];
    return { 'p99 of an append, ms': p99, 'appends a batch': batch };
  }

  private batch(facts: Parameters<typeof silent.appendBatch>[0]): void {
    this.batches.push(facts().appends);
  }
}

/** It proves as well how many transactions it took: with fewer rows in each it would be slower than it says. */
function bareSide(appending: Appending, client: Client): Side {
  const { batches, batchSize, bareTransaction } = appending;
  const proof = (left: Left & { readonly transactions: number }) =>
    `${proofOf(left)}, ${left.transactions} transactions`;
  const transactions = Math.ceil((batches * batchSize) / bareTransaction);
  return {
    ...side(appending, client, { run: bareInserts(client, bareTransaction), proof }),
    expected: proof({ ...leftBy(appending), transactions }),
  };
}

interface Doing {
  run(batches: readonly Batch[]): Promise<void>;
  proof(left: Left & { readonly transactions: number }): string;
}

function side(size: RoundSize, client: Client, { run, proof }: Doing): Side {
  const versions = new Map<string, number>();
  const left = new LeftBehind(client);
  let round: readonly Batch[] = [];
  return {
    before: () => void (round = roundOf(size, versions)),
    run: () => run(round),
    proof: async () => proof(await left.look()),
  };
}
