import { stats, type Stats } from '@backstory/replay';
import { columns } from '../columns.js';
import { withLog } from '../open.js';
import type { Paper } from '../paper.js';
import { progressOn } from '../progress.js';
import type { Verb } from '../verb.js';

export const verb: Verb = {
  options: [{ flags: '--system', description: "count the framework's own streams as well" }],
  examples: [
    ['backstory stats', 'how much of what is in the log'],
    ['backstory stats --store sqlite:bank.db --json', 'without the application, for a script'],
  ],
  paged: true,
  async run(call) {
    const { system } = call.options as { readonly system?: boolean };
    const { signal } = call.io;
    const progress = await progressOn(call.io, 'Counting');
    const found = await withLog(call, (log) =>
      stats(log, {
        ...(system ? { includeSystem: true } : {}),
        ...(signal ? { signal } : {}),
        onProgress: progress.update,
      }),
    ).finally(progress.stop);
    await call.report.answer(found, (paper) => statsLines(found, paper));
  },
};

function* statsLines(found: Stats, paper: Paper): Generator<string, void> {
  const { logId, epoch, head, events, streams, bytes, firstRecordedAt, lastRecordedAt, categories, types } =
    found;
  const facts: Record<string, string> = {
    log: epoch === 1 ? logId : `${logId}, epoch ${epoch}`,
    events: `${events} (the last position is ${head})`,
    streams: String(streams),
    'data and metadata': `${bytes} bytes`,
    first: firstRecordedAt?.toISOString() ?? '–',
    last: lastRecordedAt?.toISOString() ?? '–',
  };
  for (const [name, fact] of Object.entries(facts))
    yield `${paper.dim(name.padEnd(17))}  ${paper.plain(fact)}`;
  if (events === 0) return;
  yield '';
  yield* columns(
    categories,
    [
      { head: 'category', text: (it) => it.category },
      { head: 'streams', text: (it) => it.streams, align: 'right' },
      { head: 'events', text: (it) => it.events, align: 'right' },
    ],
    paper,
  );
  yield '';
  yield* columns(
    types,
    [
      { head: 'event type', text: (it) => it.type },
      { head: 'events', text: (it) => it.events, align: 'right' },
      { head: 'last recorded', text: (it) => it.lastRecordedAt.toISOString() },
    ],
    paper,
  );
}
