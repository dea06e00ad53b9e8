import { setTimeout as wait } from 'node:timers/promises';
import { GenerationUnusable } from '../errors.js';
import type { GenerationStatus } from '../status.js';
import { checkpointOf, requireOfThisLog, type Stores } from './generations.js';

/** Who is told how far it is, and how often it is looked at. */
export interface FilledOptions {
  readonly onProgress?: (status: GenerationStatus) => void;
  readonly signal?: AbortSignal;
  /** Default 100. */
  readonly everyMs?: number;
}

/**
 * Waits until a generation has come to a position of the log, telling how far it is.
 *
 * @throws GenerationUnusable where it will not: it was dropped or given up, it is paused, or faulted and nobody tries again;
 * the signal's reason
 */
export async function filled(
  { events, state, statuses }: Stores & { readonly statuses: () => Promise<readonly GenerationStatus[]> },
  { name, generation, position }: Wanted,
  { onProgress, signal, everyMs = 100 }: FilledOptions,
): Promise<GenerationStatus> {
  for (;;) {
    signal?.throwIfAborted();
    const own = (await statuses()).find((it) => it.generation === generation);
    if (!own || own.role === 'dropping')
      throw new GenerationUnusable(name, generation, 'it was dropped meanwhile.');
    onProgress?.(own);
    if (own.position >= position) {
      const checkpoint = await state.read((view) => checkpointOf(view, name, generation));
      await requireOfThisLog(events, name, { generation, checkpoint });
      return own;
    }
    const problem = hindrance(own);
    if (problem !== undefined) throw new GenerationUnusable(name, generation, problem);
    await wait(everyMs, undefined, { ...(signal && { signal }) }).catch(() => signal?.throwIfAborted());
  }
}

/** Which is to come how far. */
interface Wanted {
  readonly name: string;
  readonly generation: number;
  readonly position: number;
}

/** Why waiting will not bring it on. */
function hindrance({ role, state, reason, owner }: GenerationStatus): string | undefined {
  if (role === 'retired') return 'it is not filled any more: another one is read since.';
  if (state === 'paused') return `it is not filled while the projection is paused, ${reason}.`;
  // Whoever has it tries again, with other code perhaps.
  return state === 'faulted' && owner === undefined ? (reason ?? 'it is faulted.') : undefined;
}
