import { StreamNotFound, history, type HistoryStep, type ReplaySource } from '@backstory/replay';
import { bisect, bisectAll, type Bisected } from '@backstory/replay/expressions';
import { categoriesOf, requireStreams } from '../categories.js';
import { changeLines } from '../change-text.js';
import { UsageError } from '../errors.js';
import { EXPRESSIONS } from '../expressions.js';
import { withSource } from '../open.js';
import type { Paper } from '../paper.js';
import { progressOn } from '../progress.js';
import { eventLines } from '../value-text.js';
import type { Verb, VerbCall } from '../verb.js';

interface Options {
  readonly where?: string;
  readonly monotonic?: boolean;
  readonly all?: boolean;
}

/** A question that holds nowhere is a finding, as for grep. */
type Outcome = 'finding' | undefined;

export const verb: Verb = {
  arguments: [{ name: '<stream>', description: 'the stream, or with --all a category', names: 'stream' }],
  options: [
    { flags: '--where <expression>', description: 'what the state has to be, e.g. "balance < 0"' },
    { flags: '--monotonic', description: 'once it holds it holds on: ask few versions, by halves' },
    { flags: '--all', description: 'every stream of the category: those in which it holds' },
  ],
  notes: `${EXPRESSIONS}
Its names are the properties of the state, and $before (the state before the
event), $event, $version, $state, $stream and $id. Ends with exit code 1 where
it holds at no version.`,
  examples: [
    ['backstory bisect account-42 --where "balance < 0"', 'the event that overdrew the account'],
    [
      'backstory bisect order-7 --where "lines.some(it => it.quantity > 99)"',
      'the first line that is too long',
    ],
    [
      'backstory bisect account --all --where "balance < $before.balance - 1000"',
      'every account that lost much at once',
    ],
    ['backstory bisect account-42 --where "$version > 5 && closed" --monotonic', 'by halves'],
  ],
  paged: true,
  async run(call) {
    const [stream] = call.arguments as [string];
    const { where, monotonic, all } = call.options as Options;
    if (where === undefined)
      throw new UsageError(
        'missing-option',
        'Say what to look for: --where "balance < 0". See backstory bisect --help.',
      );
    if (all && monotonic)
      throw new UsageError('conflicting-options', 'Give either --all or --monotonic, not both.');
    return withSource(call, (source) =>
      all ? tellAll(call, source, stream, where) : tellOne(call, source, stream, where),
    );
  },
};

async function tellOne(
  call: VerbCall,
  source: ReplaySource,
  stream: string,
  where: string,
): Promise<Outcome> {
  const { io, report } = call;
  const { monotonic } = call.options as Options;
  const progress = await progressOn(io, 'Replaying');
  const found = await bisect(source, stream, {
    where,
    ...(monotonic ? { isMonotonic: true } : {}),
    ...(io.signal ? { signal: io.signal } : {}),
    onProgress: progress.update,
  })
    .catch((error: unknown) => {
      if (error instanceof StreamNotFound && categoriesOf(source).includes(stream))
        throw new UsageError(
          'missing-option',
          `${stream} is a category: give --all to ask each of its streams, or name one.`,
        );
      throw error;
    })
    .finally(progress.stop);
  const step = found.version ? await stepAt(source, stream, found.version) : undefined;
  await report.answer({ ...found, changes: step?.changes ?? [] }, (paper) =>
    foundLines(found, where, step, paper),
  );
  if (monotonic)
    await report.note(
      `Asked ${found.asked} of ${found.head + 1} versions, by halves: if it did not hold on, it may have held before.`,
    );
  return found.version === null ? 'finding' : undefined;
}

async function stepAt(
  source: ReplaySource,
  stream: string,
  version: number,
): Promise<HistoryStep | undefined> {
  for await (const step of history(source, stream, { from: version, to: version })) return step;
  return undefined;
}

function* foundLines(
  { stream, head, version, event, handler, failed, isMonotonic }: Bisected,
  where: string,
  step: HistoryStep | undefined,
  paper: Paper,
): Generator<string, void> {
  if (failed) {
    yield `${paper.name(stream)}  ${paper.bad('cannot be folded')}: ${paper.plain(failed.message)}`;
    return;
  }
  if (version === null && isMonotonic) {
    yield `${paper.name(stream)}  ${paper.bold(where)} does not hold at version ${head}`;
    return;
  }
  if (version === null) {
    yield `${paper.name(stream)}  ${paper.bold(where)} holds at no version from 0 to ${head}`;
    return;
  }
  if (!event) {
    yield `${paper.name(stream)}  ${paper.bold(where)} holds from the beginning`;
    return;
  }
  yield `${paper.name(stream)}  ${paper.bold(where)} holds first at version ${paper.bold(String(version))}`;
  yield '';
  yield* eventLines(event, { handler }, paper);
  yield* changeLines(step?.changes ?? [], paper, '    ');
}

async function tellAll(
  call: VerbCall,
  source: ReplaySource,
  category: string,
  where: string,
): Promise<Outcome> {
  const { io, report } = call;
  await requireStreams(source, category);
  const progress = await progressOn(io, 'Looking');
  const items = bisectAll(source, {
    category,
    where,
    ...(io.signal ? { signal: io.signal } : {}),
    onProgress: progress.update,
  });
  let [held, failed] = [0, 0];
  const counted = async function* () {
    for await (const found of items) {
      if (found.failed) failed++;
      else held++;
      yield found;
    }
  };
  await report
    .list<Bisected>({
      key: 'found',
      head: { category, where },
      items: counted(),
      text: (found, paper) => found.flatMap((it) => [...foundLines(it, where, undefined, paper), '']),
      empty: `No stream of ${category} was ever so.`,
    })
    .finally(progress.stop);
  return held === 0 || failed > 0 ? 'finding' : undefined;
}
