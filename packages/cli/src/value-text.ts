import type { RecordedEvent } from '@backstory/core';
import type { ValueStep } from '@backstory/replay';
import { changeLines } from './change-text.js';
import type { Paper } from './paper.js';
import { flowTexts, whyTexts, type CauseText } from './why-text.js';

/** What is told of an event beside itself. */
export interface EventTold {
  /** What it was caused by, where that is told. */
  readonly cause?: CauseText | null;
  /** What folds it. */
  readonly handler?: string | undefined;
}

/** An event that made a value so, why it was recorded, and by which code it did. */
export function* eventLines(
  event: RecordedEvent,
  { cause, handler }: EventTold,
  paper: Paper,
): Generator<string, void> {
  const at = event.recordedAt.toISOString();
  yield `${paper.bold(`v${event.version}`)}  ${paper.bold(event.type)}  ${paper.dim(`${at}  position ${event.position}`)}`;
  for (const line of [...whyTexts(event, cause ?? null, { cause: cause !== undefined }), ...flowTexts(event)])
    yield `    ${paper.plain(line)}`;
  if (handler !== undefined) yield `    folded by ${paper.plain(handler)}`;
}

/** One value of a place, and the event that brought it. */
export function* valueLines(
  { event, cause, ...sides }: ValueStep & EventTold,
  path: string,
  paper: Paper,
): Generator<string, void> {
  if (event) yield* eventLines(event, cause === undefined ? {} : { cause }, paper);
  else yield paper.bold('from the beginning');
  yield* changeLines([{ path, ...sides }], paper, '    ');
}

/** A value in a line, as JSON, cut where it is long. */
export function valueText(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value).slice(0, 60);
}
