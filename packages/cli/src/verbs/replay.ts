import type { RecordedEvent } from '@backstory/core';
import { ReplayCursor, VersionOutOfRange, history, type Change, type ReplaySource } from '@backstory/replay';
import { changeLines } from '../change-text.js';
import { NeverHolds, UsageError } from '../errors.js';
import { EXPRESSIONS } from '../expressions.js';
import { wholeFrom } from '../numbers.js';
import { withSource } from '../open.js';
import type { Paper } from '../paper.js';
import { progressOn } from '../progress.js';
import type { Verb, VerbCall } from '../verb.js';
import { whyTexts } from '../why-text.js';
import { withCauses, type Cause } from '../with-causes.js';

interface Options {
  readonly from?: number;
  readonly to?: number;
  readonly break?: string;
  readonly interactive?: boolean;
}

/** One event, the event that caused it if it is in the log, and what it changed. */
interface Step {
  readonly event: RecordedEvent;
  readonly cause: Cause | null;
  readonly changes: readonly Change[];
}

export const verb: Verb = {
  arguments: [{ name: '<stream>', description: 'the stream, e.g. account-42', names: 'stream' }],
  options: [
    { flags: '--from <version>', description: 'begin at this version', parse: wholeFrom(1) },
    { flags: '--to <version>', description: 'end at this version', parse: wholeFrom(1) },
    {
      flags: '--break <expression>',
      description: 'begin where this begins to hold, e.g. "balance < 0"',
    },
    {
      flags: '-i, --interactive',
      description: 'walk through it on the screen: on, back, to where a value changes; ? shows the keys',
    },
  ],
  notes: `It folds events with the handlers of the application, so it needs
backstory.config.ts.

${EXPRESSIONS}
Its names are the properties of the state, and $before (the state before the
event), $event, $version, $state, $stream and $id.`,
  examples: [
    ['backstory replay account-42', 'each event, who caused it and what it changed'],
    ['backstory replay account-42 --from 10 --to 20', 'a part of it'],
    ['backstory replay account-42 --break "balance < 0"', 'from where the account is overdrawn'],
    ['backstory replay account-42 --interactive', 'forwards and back, one version at a time'],
  ],
  paged: true,
  async run(call) {
    const [stream] = call.arguments as [string];
    const { from, to, interactive, break: where } = call.options as Options;
    if (from !== undefined && to !== undefined && from > to)
      throw new UsageError(
        'invalid-argument',
        `--from ${from} is after --to ${to}: give the lower version first.`,
      );
    if (interactive) {
      if (to !== undefined)
        throw new UsageError('conflicting-options', 'Give either --interactive or --to, not both.');
      const { replayInteractively } = await import('../interactive/replay-interactively.js');
      return replayInteractively(call, stream, {
        ...(from === undefined ? {} : { from }),
        ...(where === undefined ? {} : { where }),
      });
    }
    await withSource(call, async (source) => {
      const begin = where === undefined ? from : await breakOf(call, source, { stream, where, from });
      const range = { ...(begin === undefined ? {} : { from: begin }), ...(to === undefined ? {} : { to }) };
      await call.report.list<Step>({
        key: 'steps',
        head: { stream },
        items: withCauses(
          source.events,
          history(source, stream, { ...range, ...(call.io.signal ? { signal: call.io.signal } : {}) }),
        ),
        json: ({ event, cause, changes }) => ({ event, cause, changes }),
        text: (steps, paper) => steps.flatMap((step) => stepLines(step, paper)),
        empty: `${stream} has no events in this range.`,
      });
    });
  },
};

interface Break {
  readonly stream: string;
  readonly where: string;
  readonly from: number | undefined;
}

/** The version at which it begins to hold. @throws NeverHolds */
export async function breakOf(
  { io }: Pick<VerbCall, 'io'>,
  source: ReplaySource,
  { stream, where, from = 1 }: Break,
): Promise<number> {
  const cursor = await ReplayCursor.open(source, stream);
  if (from > cursor.head) throw new VersionOutOfRange(stream, from, cursor.head);
  const progress = await progressOn(io, 'Replaying');
  const wait = { ...(io.signal ? { signal: io.signal } : {}), onProgress: progress.update };
  const version = await cursor.nextWhere(where, from - 1, wait).finally(progress.stop);
  if (version === undefined) throw new NeverHolds(stream, where, from);
  return version;
}

function stepLines({ event, cause, changes }: Step, paper: Paper): readonly string[] {
  const at = event.recordedAt.toISOString();
  return [
    `${paper.bold(`v${event.version}`)}  ${paper.bold(event.type)}  ${paper.dim(`${at}  position ${event.position}`)}`,
    ...whyTexts(event, cause).map((line) => `    ${paper.plain(line)}`),
    ...(changes.length > 0 ? changeLines(changes, paper, '    ') : [paper.dim('    changed nothing')]),
    '',
  ];
}
