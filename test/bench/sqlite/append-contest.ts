import path from 'node:path';
import { type EventStore, type StampedEvent } from '@backstory/core';
import { sqlite } from '@backstory/sqlite';
import { CAUSE, stamped } from '../payload.js';
import type { Contest, Setting, Side } from '../row.js';
import { bareDatabase, checkSameTables, eventsTable, type BareDatabase } from './bare-database.js';

/** Events of one stream that belong together, and the version before them. */
export interface Batch {
  readonly stream: string;
  readonly after: number;
  readonly events: readonly StampedEvent[];
}

export interface Appending {
  /** How many batches a round has, and of how many events each. They go to the streams by turns. */
  readonly batches: number;
  readonly batchSize: number;
  readonly streams: number;
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
    expected: expectedProof(appending),
    ddl,
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
    expected: `${expectedProof(appending)}, ${due} transactions`,
    proof() {
      const said = `${proof()}, ${commits} transactions`;
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
    before: () => (round = roundOf(appending, versions)),
    run: () => run(round),
    proof() {
      const [[events, streams, gaps, bytes, head]] = database.prepare(PROOF).all([seen]) as [number[]];
      seen = head!;
      return describe({ events: events!, streams: streams!, gaps: gaps!, bytes: bytes! });
    },
  };
}

function roundOf(
  { batches, batchSize, streams }: Appending,
  versions: Map<string, number>,
): readonly Batch[] {
  return Array.from({ length: batches }, (_, i) => {
    const stream = `account-${i % streams}`;
    const after = versions.get(stream) ?? 0;
    versions.set(stream, after + batchSize);
    return { stream, after, events: stamped(i * batchSize, batchSize) };
  });
}

/** Events, streams, gaps in versions, bytes of data and the head, of what came after a position. */
const PROOF = `
  SELECT ifnull(sum(n), 0), count(*), ifnull(sum(span - n), 0), ifnull(sum(length), 0), ifnull(max(head), 0)
  FROM (SELECT count(*) AS n, max(version) - min(version) + 1 AS span, sum(length(data)) AS length, max(position) AS head
    FROM events WHERE position > ? GROUP BY stream)`;

function expectedProof({ batches, batchSize, streams }: Appending): string {
  const events = batches * batchSize;
  const bytes = stamped(0, events).reduce((sum, { data }) => sum + data.length, 0);
  return describe({ events, streams: Math.min(streams, batches), gaps: 0, bytes });
}

function describe({
  events,
  streams,
  gaps,
  bytes,
}: Record<'events' | 'streams' | 'gaps' | 'bytes', number>): string {
  return `${events} events in ${streams} streams with ${gaps} gaps, ${bytes} bytes of data`;
}
