import { InvalidArgumentError } from 'commander';
import { headOf } from '@backstory/replay';
import { requireInLog } from '../categories.js';
import { exportXes } from '../exchange/export-xes.js';
import { exportNdjson, type ExportValues } from '../exchange/export-ndjson.js';
import { EXPRESSIONS } from '../expressions.js';
import { BOUNDS, FILTERS } from '../filters.js';
import { withLog } from '../open.js';
import type { Verb } from '../verb.js';

export const verb: Verb = {
  options: [
    { flags: '--out <file>', description: 'where to', names: 'file' },
    {
      flags: '--format <format>',
      description: 'ndjson: CloudEvents 1.0, a line each (default); xes: for process mining',
      parse: formatIn,
    },
    { flags: '--resume', description: 'go on with what an interrupted export has left' },
    ...FILTERS,
    ...BOUNDS.filter(({ flags }) => flags !== '--backwards'),
  ],
  notes: `An export of CloudEvents says everything of each event: backstory import --restore
makes the same log of it, to the byte. What there was when it was begun is
exported, in the order of the log; its last line has a digest of all others.
Until it is whole, it is called <file>.part, and --resume goes on with it; it is
not written over.
The framework's own events, such as seals, are taken along with --system; what is
kept beside the log, such as checkpoints and snapshots, is not part of it.

--format xes (IEEE 1849) writes a trace for each stream of --category or --stream:
its events by the time they happened at, with their type, actor and data.

${EXPRESSIONS}`,
  examples: [
    ['backstory export --system --out bank.ndjson', 'all of the log'],
    ['backstory export --category account --from 2026-11-01 --out november.ndjson', 'a part of it'],
    ['backstory export --category fine --format xes --out fines.xes', 'for a tool of process mining'],
  ],
  async run(call) {
    const values = call.options as ExportValues;
    await withLog(call, async (log) => {
      for (const stream of values.stream ?? []) await headOf(log, stream);
      for (const category of values.category ?? []) await requireInLog(log, category);
      await (values.format === 'xes' ? exportXes(call, log, values) : exportNdjson(call, log, values));
    });
  },
};

function formatIn(text: string): string {
  if (text === 'ndjson' || text === 'xes') return text;
  throw new InvalidArgumentError('Give ndjson or xes.');
}
