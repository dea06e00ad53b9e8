import { captureTo, type CaptureValues } from '../capture/capture-to.js';
import { wholeFrom } from '../numbers.js';
import { applicationFor, definitionFor, withLog } from '../open.js';
import type { Verb } from '../verb.js';

export const verb: Verb = {
  arguments: [
    { name: '<stream>', description: 'the stream, or the correlation id of a flow', names: 'stream' },
  ],
  options: [
    { flags: '--out <file>', description: 'the history (default: <stream>.ndjson)', names: 'file' },
    { flags: '--test <file>', description: 'a test that reproduces it, for Jest', names: 'file' },
    { flags: '--at-version <n>', description: 'a stream: as it was then', parse: wholeFrom(1) },
    {
      flags: '--redact <paths>',
      description: 'not these, e.g. owner,customer.name,metadata.actor,stream; may be repeated',
      parse: (text) => text.split(',').map((it) => it.trim()),
      repeatable: true,
    },
    { flags: '--key <text>', description: 'the same key makes the same pseudonyms (default: a new one)' },
  ],
  notes: `The history is an export: backstory import --restore makes a log of it, in which every
verb answers as in the first. Of a flow it has all streams that the flow touched, from
their beginnings up to its last event.

--redact puts pseudonyms in place of parts of the data of all events, also inside
lists; metadata.<name> is a part of the metadata, stream the id in names of streams.
Equal values stay equal, numbers stay as long and times are times, so that handlers
fold them as before; what is true or false stays. A path that no event has is refused.
Fields that are declared personal(…) are redacted without being named. Where any of it
still stands, such as an id in the name of a flow, is said.

The test folds the same events with the application's aggregates and expects the
state that they had (redacted); what went wrong is put into its when and expect.`,
  examples: [
    [
      'backstory capture account-42 --redact owner,metadata.actor',
      'a customer’s history, without the customer',
    ],
    [
      'backstory capture account-42 --at-version 7 --test src/account-42.test.ts',
      'as a test, up to version 7',
    ],
    ['backstory capture order-request-77 --redact stream', 'a flow, with all streams that it touched'],
  ],
  async run(call) {
    const values = call.options as CaptureValues;
    const definition = await (values.test === undefined ? applicationFor(call) : definitionFor(call));
    const { aggregates = [], types } = definition ?? {};
    const known = { ...call, io: { ...call.io, ...(definition && { definition }) } };
    await withLog(known, (events) => captureTo(call, { events, aggregates, types }, values));
  },
};
