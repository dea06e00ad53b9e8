import type { RecordedEvent } from '@backstory/core';
import type { ValueStep } from '@backstory/replay';
import { changeLines } from './change-text.js';
import type { Paper } from './paper.js';
import { flowTexts, whyTexts } from './why-text.js';

/** An event that made a value so, and why it was recorded; `cause`: what it was caused by, where that is told. */
export function* eventLines(
  event: RecordedEvent,
  cause: RecordedEvent | null | undefined,
  paper: Paper,
): Generator<string, void> {
  const at = event.recordedAt.toISOString();
  yield `${paper.bold(`v${event.version}`)}  ${paper.bold(event.type)}  ${paper.dim(`${at}  position ${event.position}`)}`;
  for (const line of [...whyTexts(event, cause ?? null, { cause: cause !== undefined }), ...flowTexts(event)])
    yield `    ${paper.plain(line)}`;
}

/** One value of a place, and the event that brought it. */
export function* valueLines(
  { event, ...sides }: ValueStep,
  path: string,
  paper: Paper,
): Generator<string, void> {
  if (event) yield* eventLines(event, undefined, paper);
  else yield paper.bold('from the beginning');
  yield* changeLines([{ path, ...sides }], paper, '    ');
}

/** A value in a line, as JSON, cut where it is long. */
export function valueText(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60);
}
