import { BackstoryError } from '@backstory/core';
import type { FoldableEvent } from '@backstory/core/administration';
import type { StreamFold } from './stream-fold.js';

/** An event that cannot be folded, or whose state cannot be shown. */
export interface FoldFailure {
  readonly version: number;
  readonly type: string | null;
  readonly code: string;
  readonly message: string;
}

/** Why a stream cannot be folded on. What is no answer of folding, such as a store that is gone, is thrown again. */
export function foldFailureOf(error: unknown, fold: StreamFold<FoldableEvent>): FoldFailure {
  if (!(error instanceof BackstoryError) || !OF_FOLDING.has(error.code)) throw error;
  const { version, type } = error as { version?: number; type?: string };
  const { code, message } = error;
  return { version: version ?? fold.version + 1, type: type ?? fold.last?.type ?? null, code, message };
}

const OF_FOLDING: ReadonlySet<string> = new Set([
  'BACKSTORY_UNKNOWN_EVENT_TYPE',
  'BACKSTORY_UPCAST_FAILED',
  'BACKSTORY_UNREADABLE_EVENT',
  'BACKSTORY_UNREADABLE_STATE',
  'BACKSTORY_FOLD_FAILED',
  'BACKSTORY_ASYNC_FOLD',
  'BACKSTORY_RAISE_IN_FOLD',
]);
