import type { FindingGroup } from '@backstory/replay/check';

/** A group of findings in words: what it is, and where it is to be seen. */
export function describe(group: FindingGroup): {
  readonly what: string;
  readonly where: string;
  readonly advice: string;
} {
  const { streams, examples } = group;
  const many = streams === 1 ? '' : ` in ${streams} streams`;
  const places = examples.map(({ stream, version }) => `${stream} v${version}`).join(', ');
  return {
    what: `${whatOf(group)}${many}`,
    where: streams > examples.length ? `${places} and more` : places,
    advice: adviceFor(group),
  };
}

function whatOf({ kind, category, type, fields, handler, detail }: FindingGroup): string {
  const names = fields.map((it) => (it === '' ? 'the state' : it)).join(', ');
  switch (kind) {
    case 'diverged':
      return `${category}: ${type ?? 'the initial state'} makes ${names} another`;
    case 'cannot fold':
      return `${category}: ${type ?? 'an event'} cannot be folded: ${detail}`;
    case 'impure':
      return `${category}: ${handler} ${type === null ? 'begins a stream' : `folds ${type}`}, and asks for ${detail}`;
    case 'gone':
      return `${category}: events that were recorded are gone`;
  }
}

function adviceFor({ kind, examples }: FindingGroup): string {
  const [{ stream, version }] = examples as [FindingGroup['examples'][number]];
  switch (kind) {
    case 'diverged':
      return `backstory replay ${stream} --from ${Math.max(1, version)} --to ${Math.max(1, version)}`;
    case 'cannot fold':
      return `backstory events --stream ${stream} --where "version == ${version}" --full`;
    case 'impure':
      return 'Let the event carry what the handler needs: it is decided once, when the event is raised.';
    case 'gone':
      return 'This is another log than the one that was recorded, or a restored one: see backstory stats.';
  }
}
