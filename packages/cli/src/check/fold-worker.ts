import { parentPort, workerData } from 'node:worker_threads';
import { PurityWatch } from '@backstory/replay/check';
import { failureOf } from '../failure.js';
import { openBuild, type BuildPlace } from './build.js';
import { foldStreams, stateOrNothing, type FoldItem, type FoldOptions } from './folding.js';

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

/** A thread that folds streams with one build of an application. */
async function main(port: NonNullable<typeof parentPort>): Promise<void> {
  const building = PurityWatch.open().loading(() => openBuild(workerData as BuildPlace));
  // It is told with the first answer.
  building.catch(() => undefined);
  port.on('message', (ask: Ask | 'close') => {
    if (ask === 'close') return void building.then((it) => it.close()).finally(() => process.exit(0));
    const work = async () => {
      const { source } = await building;
      return 'items' in ask
        ? foldStreams(source, ask.items, ask.options)
        : stateOrNothing(source, ask.stream, ask.version);
    };
    work().then(
      (value) => port.postMessage({ id: ask.id, value } satisfies Answer),
      (error: unknown) => {
        const { code, message, facts } = failureOf(error);
        port.postMessage({ id: ask.id, error: { code, message, facts } } satisfies Answer);
      },
    );
  });
  await building.catch(() => undefined);
}

if (parentPort) void main(parentPort);
