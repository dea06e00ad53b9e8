import { LogDiverged, UnknownFormat } from './errors.js';
import type { EventStore, LogIdentity } from './event-store.js';
import { readFormat } from './format.js';

/** How far a consumer has come in which log. */
export interface Checkpoint {
  readonly logId: string;
  readonly epoch: number;
  /** Every position up to here is dealt with. */
  readonly through: number;
  /** The last event up to there, whether the consumer was given it or not: proof that the log still holds what was dealt with. */
  readonly last?: { readonly id: string; readonly position: number };
}

const FORMAT = 'backstory.checkpoint/1';

/** The stored form of a checkpoint: JSON text, format version 1. */
export function writeCheckpoint({ logId, epoch, through, last }: Checkpoint): string {
  const seen = last && { id: last.id, position: last.position };
  return JSON.stringify({ format: FORMAT, logId, epoch, through, last: seen });
}

/** Reads what {@link writeCheckpoint} wrote. @throws UnknownFormat when something else, or a later release, wrote it, or it is damaged */
export function readCheckpoint(text: string): Checkpoint {
  const { logId, epoch, through, last } = readFormat<Checkpoint>(text, FORMAT);
  const isWhole =
    typeof logId === 'string' &&
    isCount(epoch) &&
    isCount(through) &&
    (last === undefined || (typeof last?.id === 'string' && isCount(last.position - 1)));
  // Its fields decide where a consumer goes on: one that cannot be compared would compare as equal.
  if (!isWhole) throw new UnknownFormat(FORMAT, 'a damaged one');
  return { logId, epoch, through, ...(last && { last }) };
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/**
 * Makes sure that a checkpoint was taken from this log and that the log still holds what the consumer saw.
 * A checkpoint of an earlier epoch is good up to where the present epoch began.
 *
 * Without an epoch it is what a running consumer has read, and is about to store as of the epoch of the log that resolves: the log
 * may have been brought back to an earlier moment, together with a stored lease that the consumer still holds.
 *
 * @throws LogDiverged
 */
export async function verifyCheckpoint(
  store: EventStore,
  { epoch, ...seen }: Omit<Checkpoint, 'epoch'> & { readonly epoch?: number },
): Promise<LogIdentity> {
  const log = await store.identity();
  const checkpoint = { ...seen, epoch: epoch ?? log.epoch };
  const reason = divergence(checkpoint, log) ?? (await missingEvent(store, checkpoint));
  if (reason) throw new LogDiverged(checkpoint, log, reason);
  return log;
}

function divergence({ logId, epoch, through }: Checkpoint, log: LogIdentity): string | undefined {
  if (logId !== log.logId) return `it is log ${log.logId}, the checkpoint is of log ${logId}`;
  if (epoch > log.epoch) return `it is at epoch ${log.epoch}, the checkpoint is of epoch ${epoch}`;
  if (epoch < log.epoch && through > log.epochStart) {
    return `it was adopted at position ${log.epochStart}, the checkpoint of an earlier epoch is at ${through}`;
  }
  if (through > log.head) return `it ends at position ${log.head}, the checkpoint is at ${through}`;
  return undefined;
}

/** Reads by position, which every store can. */
export async function missingEvent(
  store: EventStore,
  { through, last }: Pick<Checkpoint, 'through' | 'last'>,
): Promise<string | undefined> {
  if (last === undefined) return undefined;
  const { id, position } = last;
  const there = { after: position - 1, upTo: Math.min(position, through), includeSystem: true };
  for await (const { events } of store.readAll(there)) {
    if (events[0]?.id === id) return undefined;
  }
  return `event ${id}, which was there before, is not there at position ${position}`;
}
