import { categoryOf } from '@backstory/core';
import { firstDifference, type Trail, type TrailStep } from './trail.js';

/** What is not compared, and what is called otherwise now. */
export interface CompareOptions {
  /** Properties of the state, `lastSeen`, or of one category, `account:lastSeen`. */
  readonly ignore?: readonly string[];
  /** Properties by the names that they had, with those that they have now. */
  readonly renamed?: Readonly<Record<string, string>>;
}

/** Something that is not as it should be, in one stream. */
export interface Finding {
  readonly kind: 'diverged' | 'cannot fold' | 'impure' | 'gone';
  readonly stream: string;
  readonly category: string;
  /** The first version at which it is so. */
  readonly version: number;
  /** Of the event of that version, where it is known. */
  readonly type: string | null;
  /** The properties of the state that are different. */
  readonly fields: readonly string[];
  /** Why it cannot be folded; what the handler asked. */
  readonly detail?: string;
  /** `Account.deposited` */
  readonly handler?: string;
}

/** Compares what became of a stream with what became of it before. The first thing that differs is told, and each impure handler. */
export function compareTrails(
  before: Trail,
  now: Trail | undefined,
  options: CompareOptions = {},
): readonly Finding[] {
  const category = categoryOf(before.stream);
  const of = { stream: before.stream, category };
  if (!now) return [{ kind: 'gone', ...of, version: 1, type: null, fields: [] }];
  const impure = impurities(now);
  const difference = firstDifference(
    named(before.steps, category, options),
    named(now.steps, category, { ignore: options.ignore ?? [] }),
  );
  const { failed } = now;
  if (failed && !before.failed && (!difference || difference.version >= failed.version))
    return [cannotFold(now), ...impure];
  // Both stop at the same event, or both are whole.
  if (!difference) {
    if (before.version > now.version && !failed)
      return [{ kind: 'gone', ...of, version: now.version + 1, type: null, fields: [] }, ...impure];
    return impure;
  }
  return [{ kind: 'diverged', ...of, ...difference, type: null }, ...impure];
}

/** What is wrong with a stream by itself: it cannot be folded, or not by the same handlers twice. */
export function faultsOf(trail: Trail): readonly Finding[] {
  return [...(trail.failed ? [cannotFold(trail)] : []), ...impurities(trail)];
}

function cannotFold({ stream, failed }: Trail): Finding {
  const { version, type, message } = failed!;
  return {
    kind: 'cannot fold',
    stream,
    category: categoryOf(stream),
    version,
    type,
    fields: [],
    detail: message,
  };
}

function impurities({ stream, impure = [] }: Trail): readonly Finding[] {
  return impure.map(({ version, type, handler, what }) => ({
    kind: 'impure',
    stream,
    category: categoryOf(stream),
    version,
    type,
    fields: [],
    detail: what,
    handler,
  }));
}

/** By the names of now, without what is ignored. A version that changed nothing else is left out. */
function named(
  steps: readonly TrailStep[],
  category: string,
  { ignore = [], renamed = {} }: CompareOptions,
): readonly TrailStep[] {
  const isIgnored = (name: string) => ignore.includes(name) || ignore.includes(`${category}:${name}`);
  const found: TrailStep[] = [];
  for (const [version, fields] of steps) {
    const kept = Object.entries(fields)
      .map(([name, digest]) => [renamed[name] ?? renamed[`${category}:${name}`] ?? name, digest] as const)
      .filter(([name]) => !isIgnored(name));
    if (kept.length > 0) found.push([version, Object.fromEntries(kept)]);
  }
  return found;
}

/** Findings that differ only in their stream, folded into one. */
export interface FindingGroup extends Omit<Finding, 'stream' | 'version'> {
  readonly streams: number;
  /** The first few, each with the version at which it begins. */
  readonly examples: readonly { readonly stream: string; readonly version: number }[];
}

const EXAMPLES = 3;

/** Gathers findings: those of one kind, category, event type and of the same properties are one line, however many streams there are. */
export class FindingGroups {
  private readonly groups = new Map<
    string,
    { finding: Finding; streams: number; examples: FindingGroup['examples'][number][] }
  >();

  add(finding: Finding): void {
    const { kind, category, type, fields, handler, detail, stream, version } = finding;
    const what = kind === 'impure' ? detail : kind === 'cannot fold' ? '' : undefined;
    const key = JSON.stringify([kind, category, type, fields, handler, what]);
    const group = this.groups.get(key) ?? { finding, streams: 0, examples: [] };
    this.groups.set(key, group);
    group.streams++;
    if (group.examples.length < EXAMPLES) group.examples.push({ stream, version });
  }

  /** The most frequent first. */
  all(): readonly FindingGroup[] {
    return [...this.groups.values()]
      .sort((a, b) => b.streams - a.streams)
      .map(({ finding: { stream: _, version: __, ...finding }, streams, examples }) => ({
        ...finding,
        streams,
        examples,
      }));
  }
}
