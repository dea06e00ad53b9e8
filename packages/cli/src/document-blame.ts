import type { RecordedEvent } from '@backstory/core';
import type { Json } from '@backstory/events';
import { valueAt, type ValueStep } from '@backstory/replay';
import { readStatePath } from '@backstory/replay/paths';
import { NeverInDocument, UsageError } from './errors.js';
import { momentOf, type MomentValues } from './moment.js';
import { withProjections } from './open.js';
import type { Paper } from './paper.js';
import { cut } from './printable.js';
import type { VerbCall } from './verb.js';
import { eventLines, valueLines } from './value-text.js';

/** A document of a projection, as it is named where a stream could be. */
export interface DocumentName {
  readonly projection: string;
  readonly key: string;
}

/** `projection:balances/account-42`; `undefined` for what names a stream. @throws UsageError where the key is left out */
export function documentNamed(name: string): DocumentName | undefined {
  if (!name.startsWith('projection:')) return undefined;
  const [, projection, key] = /^projection:([^/]+)\/(.+)$/s.exec(name) ?? [];
  if (projection !== undefined) return { projection, key: key! };
  throw new UsageError(
    'invalid-argument',
    `${name} names no document: give projection:<name>/<key>, e.g. ${name.replace(/\/$/, '')}/42.`,
  );
}

/** Which event last changed a place of a document, or with `--history` every value that it had. */
export async function blameDocument(
  call: VerbCall,
  { projection, key, path }: DocumentName & { readonly path: string },
): Promise<void> {
  const { history, why, ...moment } = call.options as MomentValues & { history?: boolean; why?: boolean };
  const { at, atVersion } = momentOf(moment);
  if (atVersion !== undefined || why)
    throw new UsageError(
      'conflicting-options',
      '--at-version and --why are of streams: a document is blamed as of now, or --at a time.',
    );
  if (path !== '') readStatePath(path);
  const place = (stored: Json) => (path === '' ? stored : valueAt(stored, path));
  await withProjections(call, { readOnly: true }, async (projections, events) => {
    const position = (await events.identity()).head;
    const head = { projection, key, path };
    const then = projections.named(projection).asOf(at ?? position);
    const steps = some(then.history(key, place), head);
    if (history) return tellSteps(call, steps, head);
    let last: DocumentStep | undefined;
    for await (last of steps);
    const { event, after } = last!;
    const answer = { ...head, ...(after !== undefined && { value: after }), last: event };
    await call.report.answer(answer, (paper) => [
      heading(head, after, paper),
      '',
      paper.name(event.stream),
      ...eventLines(event, {}, paper),
    ]);
  });
}

/** A document begins with an event. */
type DocumentStep = ValueStep & { readonly event: RecordedEvent };

interface Place extends DocumentName {
  readonly path: string;
}

async function tellSteps(
  { report }: VerbCall,
  items: AsyncGenerator<DocumentStep, void>,
  head: Place,
): Promise<void> {
  await report.list<DocumentStep>({
    key: 'values',
    head: { ...head },
    items,
    text: (steps, paper) =>
      steps.flatMap((step) => [paper.name(step.event.stream), ...valueLines(step, head.path, paper), '']),
    empty: 'It never had a value.',
  });
}

function heading({ projection, key, path }: Place, value: unknown, paper: Paper): string {
  const name = [paper.name(`${projection}/${key}`), ...(path === '' ? [] : [paper.bold(path)])].join(' ');
  if (value === undefined) return `${name} is gone`;
  const room = paper.width - projection.length - key.length - path.length - ' is '.length - 3;
  return `${name} is ${cut(paper.plain(JSON.stringify(value)), Math.max(16, room))}`;
}

/** @throws NeverInDocument where there are none */
async function* some(
  steps: AsyncIterable<DocumentStep>,
  { projection, key, path }: Place,
): AsyncGenerator<DocumentStep, void> {
  let isThere = false;
  for await (const step of steps) {
    isThere = true;
    yield step;
  }
  if (!isThere) throw new NeverInDocument(projection, key, path);
}
