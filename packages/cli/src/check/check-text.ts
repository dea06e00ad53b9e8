import type { Json } from '@backstory/events';
import type { FindingGroup, TrailsFooter } from '@backstory/replay/check';
import { changeLines } from '../change-text.js';
import { counted } from '../counted.js';
import type { Paper } from '../paper.js';
import { describe } from './describe.js';

/** What `check record` says. */
export interface Recorded extends TrailsFooter {
  readonly action: string;
  readonly file: string;
  readonly findings: readonly FindingGroup[];
}

/** A group with the values of its first stream. The side that is not known is absent. */
export interface GroupWithValues extends FindingGroup {
  readonly values?: readonly { readonly field: string; readonly before?: Json; readonly after?: Json }[];
}

/** What `check` says. */
export interface Checked extends TrailsFooter {
  readonly action: string;
  readonly categories: readonly { readonly category: string; readonly streams: number }[];
  readonly findings: readonly GroupWithValues[];
}

export function* recordedLines(
  { streams, events, file, digest, findings }: Recorded,
  paper: Paper,
): Generator<string, void> {
  yield `Recorded what became of ${counted(streams, 'stream')}, ${counted(events, 'event')}, in ${paper.name(file)}.`;
  yield paper.dim(`digest ${digest}`);
  yield* findingLines(findings, paper);
}

export function* checkedLines({ streams, events, findings }: Checked, paper: Paper): Generator<string, void> {
  const of = `${counted(streams, 'stream')}, ${counted(events, 'event')}`;
  if (findings.length === 0) yield `${paper.good('The same')}: ${of} fold to the states that they had.`;
  else yield `${paper.bad('Not the same')}: of ${of}`;
  yield* findingLines(findings, paper);
}

function* findingLines(findings: readonly GroupWithValues[], paper: Paper): Generator<string, void> {
  for (const finding of findings) {
    const { what, where, advice } = describe(finding);
    yield '';
    yield `${paper.bad(finding.kind)}  ${paper.bold(what)}`;
    yield `    ${paper.plain(where)}`;
    const changes = (finding.values ?? []).map(({ field, ...sides }) => ({ path: field, ...sides }));
    yield* changeLines(
      changes.filter((it) => 'before' in it && 'after' in it),
      paper,
      '    ',
    );
    for (const { path, after } of changes.filter((it) => !('before' in it) && 'after' in it) as {
      path: string;
      after: unknown;
    }[])
      yield `    ${paper.plain(`${path} is now ${JSON.stringify(after)}`).slice(0, paper.width - 4)}`;
    yield `    ${paper.dim(advice)}`;
  }
}
