import type { Verification } from '@backstory/projection';
import { columns } from './columns.js';
import type { Paper } from './paper.js';
import { valueText } from './value-text.js';

/** What comparing two generations of a projection has found. */
export function* verificationLines(found: Verification, paper: Paper): Generator<string, void> {
  const { projection, live, other, position, documents, different, differences } = found;
  const sides = `generation ${live.generation} (version ${live.version}) and ${other.generation} (version ${other.version})`;
  if (found.isEqual) {
    yield `${paper.bold(projection)}: ${sides} hold the same ${documents} ${found.compared} at position ${position}.`;
    yield `${paper.dim('sha256')} ${live.hash}`;
    return;
  }
  yield `${paper.bold(projection)}: ${different} of ${documents} ${found.compared} differ between ${sides} at position ${position}.`;
  yield* columns(
    differences,
    [
      { head: found.compared === 'rows' ? 'row' : 'document', text: ({ key }) => key },
      { head: 'first difference', text: ({ path }) => (path === '' ? 'all of it' : path) },
      { head: `in ${live.generation}`, text: (it) => valueText(it.live) },
      { head: `in ${other.generation}`, text: (it) => valueText(it.other) },
    ],
    paper,
  );
}
