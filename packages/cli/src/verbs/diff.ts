import { diff } from '@backstory/replay';
import { changeLines } from '../change-text.js';
import { wholeFrom } from '../numbers.js';
import { withSource } from '../open.js';
import type { Verb } from '../verb.js';

export const verb: Verb = {
  arguments: [
    { name: '<stream>', description: 'the stream, e.g. account-42', names: 'stream' },
    { name: '<from>', description: 'a version; 0 is the initial state', parse: wholeFrom(0) },
    { name: '<to>', description: 'another version, earlier or later', parse: wholeFrom(0) },
  ],
  notes:
    'Elements of a list are compared by the key it is declared to have, else by\n' +
    'index. A side on which a path does not exist is left out. It folds events\n' +
    'with the handlers of the application, so it needs backstory.config.ts.',
  examples: [
    ['backstory diff account-42 3 7', 'what is different at version 7 from version 3'],
    ['backstory diff account-42 0 1 --json', 'what the first event changed, for a script'],
  ],
  paged: true,
  async run(call) {
    const [stream, from, to] = call.arguments as [string, number, number];
    const { signal } = call.io;
    const found = await withSource(call, (source) =>
      diff(source, stream, { from, to, ...(signal ? { signal } : {}) }),
    );
    await call.report.answer(found, (paper) => [
      `${paper.name(stream)} from version ${paper.bold(String(from))} to version ${paper.bold(String(to))}`,
      '',
      ...(found.changes.length > 0
        ? changeLines(found.changes, paper, '  ')
        : [paper.dim('  Nothing is different.')]),
    ]);
  },
};
