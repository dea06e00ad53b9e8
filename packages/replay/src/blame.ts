import { readRecorded, type RecordedEvent } from '@backstory/core';
import type { Json } from '@backstory/events';
import { BlameTree } from './blame-tree.js';
import { NoSuchPath } from './errors.js';
import { eventsAt } from './events-at.js';
import { LivePart } from './live-part.js';
import type { CursorWait } from './pace.js';
import { partHistory, type PartStep } from './part-history.js';
import { stateAt, type Moment } from './state-at.js';
import { formatStatePath, readStatePath, type StateStep } from './state-path.js';
import { StreamFold, type ReplaySource } from './stream-fold.js';
import { byKeys, membersOf, partAt } from './value-at.js';

/** What of a state is asked for, and as of when. Default: all of it, now. */
export interface BlameOptions extends Omit<Moment, 'signal'>, CursorWait {
  /** `balance`, `lines[sku="pen"].quantity`. An index of a list that has a key means the element that is there at the end. */
  readonly path?: string;
}

/** Which events made a state what it is. */
export interface Blame {
  readonly stream: string;
  /** The state is that of this version. */
  readonly version: number;
  /** By the keys of lists, where they have one; empty for the whole state. */
  readonly path: string;
  /** Absent where it is gone. */
  readonly value?: Json;
  /** The event that last changed anything in it. `null`: it is what the stream began with. */
  readonly last: RecordedEvent | null;
  /** `Fine.penalised`: what folds that event. Absent where none changed it. */
  readonly handler?: string;
  /** Each value in it, with the event that made it so. */
  readonly lines: readonly BlamedLine[];
}

/** One value and the event that made it so. */
export interface BlamedLine {
  readonly path: string;
  readonly value: Json;
  /** `null`: the stream began with it. */
  readonly event: RecordedEvent | null;
  /** A list, set, map or object that is told for itself: the event took something out of it, or changed its order. */
  readonly isContainer?: true;
}

/** One value that a place of a state had. A side on which the place does not exist is absent. */
export interface ValueStep {
  /** `null`: it is what the stream began with. */
  readonly event: RecordedEvent | null;
  readonly before?: Json;
  readonly after?: Json;
}

/**
 * Which event last changed a value, or each value of a state, in one fold.
 *
 * @throws NoSuchPath when it never existed; InvalidQuery for what is no path; StreamNotFound, VersionOutOfRange, NoAggregate,
 * UnknownEventType, FoldFailed, UnreadableState
 */
export async function blame(
  source: ReplaySource,
  stream: string,
  options: BlameOptions = {},
): Promise<Blame> {
  const { fold, steps, upTo, path } = await begun(source, stream, options);
  const tree = new BlameTree(new LivePart(fold.model, steps).type);
  let last: PartStep | undefined;
  for await (last of partHistory(fold, { steps, upTo, isInPlace: true }, options))
    tree.add(last.event?.version ?? 0, last);
  if (!last) throw new NoSuchPath(stream, fold.version, path, namesIn(fold, steps));
  const value = last.after;
  const lines = value === undefined ? [] : [...tree.lines(value)];
  const versions = new Set([tree.touched, ...lines.map((it) => it.version)]);
  const events = await eventsAt(source.events, stream, versions);
  const event = (version: number) => events.get(version) ?? null;
  const changed = event(tree.touched);
  return {
    stream,
    version: fold.version,
    path,
    ...(value !== undefined && { value }),
    last: changed,
    ...(changed && { handler: fold.handlerOf(changed.type) }),
    lines: lines.map(({ steps: below, version, ...line }) => ({
      path: formatStatePath([...steps, ...below]),
      ...line,
      event: event(version),
    })),
  };
}

/**
 * Every value that a place of a state ever had, oldest first, each with the event that brought it. What is shared between two
 * values is the same object.
 *
 * @throws as {@link blame}
 */
export async function* valueHistory(
  source: ReplaySource,
  stream: string,
  options: BlameOptions & { readonly path: string },
): AsyncGenerator<ValueStep, void> {
  const { fold, steps, upTo, path } = await begun(source, stream, options);
  let isThere = false;
  for await (const { event, before, after } of partHistory(fold, { steps, upTo }, options)) {
    isThere = true;
    yield {
      event: event && readRecorded(event),
      ...(before !== undefined && { before }),
      ...(after !== undefined && { after }),
    };
  }
  if (!isThere) throw new NoSuchPath(stream, fold.version, path, namesIn(fold, steps));
}

async function begun(
  source: ReplaySource,
  stream: string,
  { path = '', atVersion, at, signal }: BlameOptions,
) {
  const given = path === '' ? [] : readStatePath(path);
  const fold = await StreamFold.of(source, stream);
  if (atVersion !== undefined) fold.checkVersion(atVersion);
  const upTo = at ? await fold.versionAt(at) : (atVersion ?? fold.head);
  let steps = given;
  // Which element is meant by an index is known at the end only.
  if (given.some((it) => typeof it !== 'string')) {
    const { state } = await stateAt(source, stream, { atVersion: upTo, ...(signal && { signal }) });
    steps = byKeys({ value: state, type: fold.model.type }, given);
  }
  return { fold, steps, upTo, path: formatStatePath(steps) };
}

/** The names in the last part of the way that there is. */
function namesIn(fold: StreamFold, steps: readonly StateStep[]): readonly string[] {
  const root = { value: fold.state(), type: fold.model.type };
  for (let length = steps.length - 1; length >= 0; length--) {
    const part = partAt(root, steps.slice(0, length));
    const members = part ? membersOf(part) : [];
    if (members.length > 0)
      return members.slice(0, 20).map(([step]) => formatStatePath([...steps.slice(0, length), step]));
  }
  return [];
}
