import type { GenerationStatus, ProjectionStatus } from '@backstory/projection';
import { columns } from './columns.js';
import { lagText } from './lag-text.js';
import type { Paper } from './paper.js';

/** Projections, a line each. */
export function projectionTable(statuses: readonly ProjectionStatus[], paper: Paper): Iterable<string> {
  return columns(
    statuses,
    [
      { head: 'projection', text: ({ name }) => name },
      { head: 'state', text: ({ state }) => state },
      { head: 'version', text: ({ version }) => version, align: 'right' },
      { head: 'generation', text: ({ generation }) => generation, align: 'right' },
      { head: 'position', text: ({ position }) => position, align: 'right' },
      { head: 'lag', text: ({ lag }) => lagText(lag), align: 'right' },
      {
        head: 'being filled',
        text: ({ generations }) => generations.filter(isBuilding).length,
        align: 'right',
      },
      { head: 'why', text: ({ reason }) => reason ?? '' },
    ],
    paper,
  );
}

/** How one projection is doing, and a line for each of its generations. */
export function* statusLines(status: ProjectionStatus, paper: Paper): Generator<string, void> {
  const { name, state, reason, version, code, position, head, lag, generations } = status;
  const facts: Record<string, string> = {
    state: reason === undefined ? state : `${state}: ${reason}`,
    version:
      code === undefined || code === version ? String(version) : `${version}, the code here is of ${code}`,
    position: `${position} of ${head}`,
    lag: lagText(lag),
  };
  yield paper.bold(name);
  for (const [fact, text] of Object.entries(facts))
    yield `${paper.dim(fact.padEnd(8))}  ${paper.plain(text)}`;
  yield '';
  yield* columns(
    generations,
    [
      { head: 'generation', text: ({ generation }) => generation, align: 'right' },
      { head: 'version', text: (it) => it.version, align: 'right' },
      { head: 'role', text: ({ role }) => role },
      { head: 'state', text: (it) => it.state ?? '' },
      { head: 'position', text: (it) => it.position, align: 'right' },
      { head: 'documents', text: ({ documents }) => documents ?? '', align: 'right' },
      { head: 'events', text: ({ events }) => events, align: 'right' },
      { head: 'done', text: ({ progress }) => `${Math.floor(progress * 100)} %`, align: 'right' },
      {
        head: 'left',
        text: ({ remaining }) => (remaining === undefined ? '' : `${remaining} s`),
        align: 'right',
      },
    ],
    paper,
  );
}

function isBuilding({ role }: GenerationStatus): boolean {
  return role === 'building';
}
