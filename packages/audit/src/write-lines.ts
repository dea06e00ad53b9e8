import type { EventStore } from '@backstory/core';
import { GiveWay } from './give-way.js';
import { LineHasher } from './line-hasher.js';
import { logLines } from './log-lines.js';
import type { SealDraft } from './seal-draft.js';

/** How far lines are written, and who watches. */
export interface WriteOptions {
  readonly upTo: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (through: number, head: number) => void;
}

/** Writes the lines of what follows in the log to a draft. */
export async function writeLines(
  store: EventStore,
  draft: SealDraft,
  { upTo, signal, onProgress }: WriteOptions,
): Promise<void> {
  const hasher = new LineHasher();
  const way = new GiveWay(store);
  const range = { after: draft.position, upTo };
  try {
    for await (const found of logLines(store, range, { hasher, signal, size: draft.tree.size })) {
      if ('message' in found) continue;
      draft.add(found);
      onProgress?.(found.position, upTo);
      signal.throwIfAborted();
      await way.afterWork(signal);
    }
  } finally {
    way.close();
    await hasher.close();
  }
}
