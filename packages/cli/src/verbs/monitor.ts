import { setTimeout as wait } from 'node:timers/promises';
import type { Watched } from '@backstory/core/observability';
import { UNICODE } from '../interactive/line.js';
import { hasScreen } from '../interactive/screen.js';
import { showLive } from '../monitor/live-screen.js';
import { snapshotLines } from '../monitor/snapshot-lines.js';
import { snapshotOf, type Snapshot } from '../monitor/snapshot.js';
import { wholeFrom } from '../numbers.js';
import { withWatched } from '../open.js';
import type { Verb, VerbCall } from '../verb.js';

interface Options {
  readonly every?: number;
  readonly once?: boolean;
}

export const verb: Verb = {
  options: [
    { flags: '--every <seconds>', description: 'how often to look (default: 2)', parse: wholeFrom(1) },
    { flags: '--once', description: 'look once, and end' },
  ],
  notes:
    'On a terminal it is a screen of its own, which q leaves; elsewhere one text follows another.\n' +
    'It looks at what is stored, and asks no process. Ctrl-C ends it with exit code 0. With\n' +
    '--json each line is a document of its own, with one moment.',
  examples: [
    ['backstory monitor', 'the log, every consumer, and what is not well, live'],
    ['backstory monitor --once', 'how everything is now'],
    ['backstory monitor --every 30 --json', 'for a script'],
  ],
  async run(call) {
    const { every = 2, once = false } = call.options as Options;
    await withWatched(call, async (app) => {
      const left = new AbortController();
      const signal = AbortSignal.any([left.signal, ...(call.io.signal ? [call.io.signal] : [])]);
      const moments = momentsOf(app, { every, once, signal });
      if (!once && hasScreen(call)) await showLive(call, moments, () => left.abort());
      else for await (const moment of moments) await print(call, moment);
    });
  },
};

interface Looks {
  readonly every: number;
  readonly once: boolean;
  readonly signal: AbortSignal;
}

/** One moment after another, until somebody has seen enough. */
async function* momentsOf(app: Watched, { every, once, signal }: Looks): AsyncGenerator<Snapshot, void> {
  let moment: Snapshot | undefined;
  while (!signal.aborted) {
    moment = await snapshotOf(app, moment);
    yield moment;
    if (once) return;
    await wait(every * 1_000, undefined, { signal }).catch(() => undefined);
  }
}

async function print({ report }: VerbCall, moment: Snapshot): Promise<void> {
  await report.feed(
    [moment],
    (it) => it,
    ([it], paper) => [
      ...snapshotLines(it!, UNICODE).map((line) => line.map(({ text }) => paper.plain(text)).join('')),
      '',
    ],
  );
}
