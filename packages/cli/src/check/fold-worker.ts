import { parentPort, workerData } from 'node:worker_threads';
import type { Json } from '@backstory/events';
import { PurityWatch } from '@backstory/replay/check';
import { failureOf } from '../failure.js';
import type { Transpiled } from '../transpile-cache.js';
import { openBuild, type BuildPlace, type OpenBuild } from './build.js';
import { foldStreams, stateOrNothing, type FoldItem, type FoldOptions, type Folded } from './folding.js';

/** What a worker is asked for. */
export type Ask =
  | { readonly id: number; readonly items: readonly FoldItem[]; readonly options: FoldOptions }
  | { readonly id: number; readonly stream: string; readonly version: number };

/** What it answers. */
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | {
      readonly id: number;
      readonly error: { readonly code: string; readonly message: string; readonly facts: object };
    };

/** What it begins with: it need not transpile what has been transpiled. */
export interface Begin {
  readonly transpiled: Transpiled;
}

/** A thread that folds streams with one build of an application. */
function main(port: NonNullable<typeof parentPort>): void {
  const watch = PurityWatch.open();
  port.once('message', (first: Begin | 'close') => {
    if (first === 'close') process.exit(0);
    const building = watch.loading(() => openBuild(workerData as BuildPlace, first));
    // It is told with the first answer.
    building.catch(() => undefined);
    port.on('message', (ask: Ask | 'close') => {
      if (ask === 'close') return void building.then((it) => it.close()).finally(() => process.exit(0));
      answered(building, ask).then(
        ({ value, moved }) => port.postMessage({ id: ask.id, value } satisfies Answer, moved),
        (error: unknown) => {
          const { code, message, facts } = failureOf(error);
          port.postMessage({ id: ask.id, error: { code, message, facts } } satisfies Answer);
        },
      );
    });
  });
}

/** The answer to a question, and what of it moves to the thread that has asked. */
interface Answered {
  readonly value: Folded | Json | undefined;
  readonly moved?: ArrayBuffer[];
}

async function answered(building: Promise<OpenBuild>, ask: Ask): Promise<Answered> {
  const { source } = await building;
  if (!('items' in ask)) return { value: await stateOrNothing(source, ask.stream, ask.version) };
  const value = await foldStreams(source, ask.items, ask.options);
  const { lines, digested = lines } = value;
  return { value, moved: [...new Set([lines.buffer, digested.buffer])] };
}

if (parentPort) main(parentPort);
