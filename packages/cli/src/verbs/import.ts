import { importAsNew, importRestoring } from '../exchange/import-file.js';
import { UsageError } from '../errors.js';
import type { Verb } from '../verb.js';

interface Options {
  readonly restore?: boolean;
  readonly asNew?: boolean;
}

export const verb: Verb = {
  arguments: [{ name: '<file>', description: 'an export, or CloudEvents 1.0, a line each', names: 'file' }],
  options: [
    { flags: '--restore', description: 'make an empty log the one that was exported: all or nothing' },
    { flags: '--as-new', description: 'record what happened there as new facts of this log' },
  ],
  notes: `It writes to the log of the configuration, or to that of --store.

--restore keeps ids, versions, positions, times and every stored text as they were.
The log has to be empty; one that is not there is made. A store restores all or
nothing, so what is interrupted or refused leaves it empty.

--as-new gives events new positions and new ids, which follow from the old ones:
what was imported already is not recorded again, so the same command goes on where
an interrupted one ended. Streams, types, data, correlation and the time at which
they happened are kept, causes are those of this log, and origin says where an event
comes from. CloudEvents of other systems need a subject, which is their stream.

The file is looked at as a whole before anything is recorded, and a line that
cannot be used is named.`,
  examples: [
    ['backstory import bank.ndjson --restore --store sqlite:copy.db', 'the same log once more'],
    ['backstory import orders.ndjson --as-new', 'the facts of another system'],
  ],
  async run(call) {
    const { restore = false, asNew = false } = call.options as Options;
    if (restore === asNew)
      throw new UsageError(
        restore ? 'conflicting-options' : 'missing-option',
        'Say how: --restore makes an empty log the one that was exported, --as-new records new facts.',
      );
    await (restore ? importRestoring(call) : importAsNew(call));
  },
};
