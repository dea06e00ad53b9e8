import type { KeptResult } from '@backstory/projection/streams';
import { columns } from './columns.js';
import type { Paper } from './paper.js';

/** A document of a projection, and what its folds have emitted: windows that were closed, patterns that were found. */
export function* documentLines(
  document: unknown,
  results: readonly KeptResult[],
  paper: Paper,
): Generator<string, void> {
  yield document === undefined ? 'There is no such document.' : JSON.stringify(document, undefined, 2);
  if (results.length === 0) return;
  yield '';
  yield* columns(
    results,
    [
      { head: 'position', text: ({ position }) => position, align: 'right' },
      { head: 'result', text: ({ result }) => JSON.stringify(result) },
    ],
    paper,
  );
}
