import { readCheckpoint, readFormat, writeCheckpoint, type Checkpoint } from '@backstory/core/store';
import type { StateTransaction, StateView } from '@backstory/core/state';
import type { Places } from './places.js';

/** How far a generation is, as it is stored beside its documents. */
export interface Progress {
  readonly checkpoint: Checkpoint;
  /** Events folded so far. */
  readonly events: number;
  /** Documents that there are. */
  readonly documents: number;
  /** Events a second, lately. */
  readonly rate: number;
  readonly savedAt: string;
}

const FORMAT = 'backstory.projection-progress/1';

export async function readProgress(
  view: StateView,
  { progress }: Places,
  generation: number,
): Promise<Progress | undefined> {
  const text = await view.get(progress, String(generation));
  if (text === undefined) return undefined;
  const { checkpoint, ...rest } = readFormat<Progress & { readonly checkpoint: string }>(text, FORMAT);
  return { ...rest, checkpoint: readCheckpoint(checkpoint) };
}

export async function writeProgress(
  tx: StateTransaction,
  { progress }: Places,
  { generation, ...own }: Progress & { readonly generation: number },
): Promise<void> {
  const { checkpoint, events, documents, rate, savedAt } = own;
  const fields = { checkpoint: writeCheckpoint(checkpoint), events, documents, rate, savedAt };
  await tx.put(progress, String(generation), JSON.stringify({ format: FORMAT, ...fields }));
}

/** Why a generation does not go on, said by whoever fed it. */
export interface Trouble {
  /** `retrying`: something cannot be reached, and it is tried again. `faulted`: somebody has to do something. */
  readonly state: 'retrying' | 'faulted';
  readonly reason: string;
  /** The stable code of the error. */
  readonly code?: string;
  readonly owner: string;
  readonly at: string;
}

const TROUBLE = 'backstory.projection-trouble/1';

export async function readTrouble(
  view: StateView,
  { troubles }: Places,
  generation: number,
): Promise<Trouble | undefined> {
  const text = await view.get(troubles, String(generation));
  return text === undefined ? undefined : readFormat<Trouble>(text, TROUBLE);
}

export async function writeTrouble(
  tx: StateTransaction,
  { troubles }: Places,
  { generation, ...trouble }: Trouble & { readonly generation: number },
): Promise<void> {
  await tx.put(troubles, String(generation), JSON.stringify({ format: TROUBLE, ...trouble }));
}
