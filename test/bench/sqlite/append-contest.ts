import path from 'node:path';
import { type EventStore } from '@backstory/core';
import { sqlite } from '@backstory/sqlite';
import { leftBy, leftSql, proofOf, roundOf, type Batch, type RoundSize } from '../batches.js';
import { CAUSE } from '../payload.js';
import type { Contest, Setting, Side } from '../row.js';
import { SETTINGS, bareDatabase, checkSameTables, eventsTable, type BareDatabase } from './bare-database.js';

export interface Appending extends RoundSize {
  /** Appends a round's batches to the store. */
  append(store: EventStore, batches: readonly Batch[]): Promise<void>;
  /** How many events the bare side writes in one transaction. */
  readonly bareTransaction: number;
}

/** Both sides append the same events in the same order, each to a file of its own, which grows from round to round. */
export async function appendContest(setting: Setting, appending: Appending): Promise<Contest> {
  const { driver, folder } = setting;
  const oursFile = path.join(folder, 'ours.db');
  const storage = await sqlite(oursFile, { driver, synchronous: 'full' }).open();
  const looking = bareDatabase(driver, oursFile);
  const ddl = eventsTable(looking);
  const bare = bareDatabase(driver, path.join(folder, 'bare.db'));
  bare.exec(ddl);
  checkSameTables(looking, bare);
  return {
    amount: appending.batches * appending.batchSize,
    expected: proofOf(leftBy(appending)),
    ddl: SETTINGS + ddl,
    ours: side(appending, looking, (batches) => appending.append(storage.events, batches)),
    bare: bareSide(appending, bare),
    async close() {
      looking.close();
      bare.close();
      await storage.close();
    },
  };
}

/** It proves as well how many transactions it took: with fewer rows in each it would be slower than it says. */
function bareSide(appending: Appending, database: BareDatabase): Side {
  let commits = 0;
  const counted: BareDatabase = {
    ...database,
    exec(sql) {
      database.exec(sql);
      if (sql === 'COMMIT') commits++;
    },
  };
  const { proof, ...rest } = side(appending, counted, bareInserts(counted, appending.bareTransaction));
  const due = Math.ceil((appending.batches * appending.batchSize) / appending.bareTransaction);
  return {
    ...rest,
    expected: `${proofOf(leftBy(appending))}, ${due} transactions`,
    async proof() {
      const said = `${await proof()}, ${commits} transactions`;
      commits = 0;
      return said;
    },
  };
}

/** One insert a row, prepared once, so many rows a transaction. */
function bareInserts(database: BareDatabase, transaction: number): (batches: readonly Batch[]) => void {
  const blanks = Array.from({ length: 13 }, () => '?').join(', ');
  const insert = database.prepare(`INSERT INTO events VALUES (${blanks})`);
  let position = 0;
  return (batches) => {
    let inTransaction = 0;
    for (const { stream, after, events } of batches) {
      const correlationId = events[0]!.id;
      for (let i = 0; i < events.length; i++) {
        if (inTransaction === 0) database.exec('BEGIN IMMEDIATE');
        const { id, type, schemaVersion, data, metadata } = events[i]!;
        insert.run([++position, stream, 'account', after + 1 + i, id, type, schemaVersion, data, metadata, Date.now(), correlationId, CAUSE, i]); // prettier-ignore
        if (++inTransaction === transaction) {
          database.exec('COMMIT');
          inTransaction = 0;
        }
      }
    }
    if (inTransaction > 0) database.exec('COMMIT');
  };
}

function side(
  appending: Appending,
  database: BareDatabase,
  run: (batches: readonly Batch[]) => void | Promise<void>,
): Side {
  const versions = new Map<string, number>();
  let round: readonly Batch[] = [];
  let seen = 0;
  return {
    before: () => void (round = roundOf(appending, versions)),
    run: () => run(round),
    proof() {
      const [[events, streams, gaps, bytes, head]] = database.prepare(leftSql('?')).all([seen]) as [
        [number, number, number, number, number],
      ];
      seen = head;
      return proofOf({ events, streams, gaps, bytes });
    },
  };
}
