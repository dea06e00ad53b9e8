import { setTimeout as wait } from 'node:timers/promises';
import { knownOptions, numberOption, type OptionNames } from '@backstory/core/store';
import { GenerationUnusable } from '../errors.js';
import { requireListener } from '../read/given.js';
import type { GenerationStatus } from '../status.js';
import { generationIn } from './control.js';
import { haltAdvice } from './halted.js';
import {
  checkpointOf,
  requireControl,
  requireGeneration,
  requireOfThisLog,
  type Stores,
} from './generations.js';

/** Who is told how far it is, and how often it is looked at. */
export interface FilledOptions {
  readonly onProgress?: (status: GenerationStatus) => void;
  readonly signal?: AbortSignal;
  /** Default 100. */
  readonly everyMs?: number;
  /** How long it may be that no process feeds it. Default 10,000: at a start, or after a crash, it is nobody's for a moment. */
  readonly unfedMs?: number;
}

/**
 * Waits until a generation has come to a position of the log, telling how far it is.
 *
 * @throws ProjectionNotFound; GenerationUnusable where it will not: there is none, it was dropped or given up, it is paused, faulted and nobody tries
 * again, or fed by no process for so long;
 * InvalidOption; the signal's reason
 */
export async function filled(
  { events, state, statuses }: Stores & { readonly statuses: () => Promise<readonly GenerationStatus[]> },
  { name, generation, position }: Wanted,
  options: FilledOptions,
): Promise<GenerationStatus> {
  const { onProgress, signal, everyMs = 100, unfedMs = 10_000 } = knownOptions(options, OPTIONS);
  requireListener('onProgress', onProgress);
  numberOption('everyMs', everyMs, 1, MOST_MS);
  numberOption('unfedMs', unfedMs, 0, MOST_MS);
  await state.read(async (view) => {
    const control = await requireControl(view, name);
    // One that is being dropped is told of as such.
    return generationIn(control, generation) ?? requireGeneration(control, name, generation);
  });
  let unfedSince: number | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const own = (await statuses()).find((it) => it.generation === generation);
    if (!own || own.role === 'dropping')
      throw new GenerationUnusable(name, generation, 'it was dropped meanwhile.');
    onProgress?.(own);
    // What nobody feeds is filled all the same where none of its own events is left.
    if (own.position >= position || (own.owner === undefined && own.progress === 1)) {
      const checkpoint = await state.read((view) => checkpointOf(view, name, generation));
      await requireOfThisLog(events, name, { generation, checkpoint });
      return own;
    }
    unfedSince = own.owner === undefined ? (unfedSince ?? performance.now()) : undefined;
    const isLeft = unfedSince !== undefined && performance.now() - unfedSince >= unfedMs;
    const problem = hindrance(name, own) ?? (isLeft ? unfed(own) : undefined);
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
function hindrance(name: string, { role, state, reason, owner }: GenerationStatus): string | undefined {
  if (role === 'retired') return 'it is not filled any more: another one is read since.';
  if (state === 'paused')
    return `it is not filled while the projection is paused, ${reason}: ${haltAdvice(name, state)}.`;
  // Whoever has it tries again, with other code perhaps.
  if (state !== 'faulted' || owner !== undefined) return undefined;
  return `it is faulted: ${reason} To go on, ${haltAdvice(name, state)}.`;
}

/** What to do where no process feeds a generation that is to be filled. */
export function unfed({ version }: Pick<GenerationStatus, 'version'>): string {
  return (
    `no process feeds it: start one whose code has version ${version} of the projection, beside those that run, ` +
    'or run `backstory projections rebuild` with that code.'
  );
}

const OPTIONS: OptionNames<FilledOptions> = { onProgress: true, signal: true, everyMs: true, unfedMs: true };
/** Timers know no more. */
const MOST_MS = 2 ** 31 - 1;
