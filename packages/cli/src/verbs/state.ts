import { stateAt } from '@backstory/replay';
import { indentedJson } from '../event-text.js';
import { MOMENT, momentOf, type MomentValues } from '../moment.js';
import { withSource } from '../open.js';
import type { Verb } from '../verb.js';

export const verb: Verb = {
  arguments: [{ name: '<stream>', description: 'the stream, e.g. account-42', names: 'stream' }],
  options: MOMENT,
  notes: 'It folds events with the handlers of the application,\nso it needs backstory.config.ts.',
  examples: [
    ['backstory state account-42', 'what it is now'],
    ['backstory state account-42 --at-version 3', 'what it was after its third event'],
    ['backstory state account-42 --at 2026-11-20T17:30:00Z', 'what it was at that time'],
  ],
  paged: true,
  async run(call) {
    const [stream] = call.arguments as [string];
    const moment = momentOf(call.options as MomentValues);
    const { signal } = call.io;
    const found = await withSource(call, (source) =>
      stateAt(source, stream, { ...moment, ...(signal ? { signal } : {}) }),
    );
    await call.report.answer(found, (paper) => [
      `${paper.name(stream)} at version ${paper.bold(String(found.version))}`,
      found.recordedAt
        ? paper.dim(`recorded ${found.recordedAt.toISOString()}, position ${found.position}`)
        : paper.dim('before its first event'),
      '',
      ...indentedJson(found.state, paper),
    ]);
  },
};
