import { BackstoryError, type StoredEvent } from '@backstory/core';
import type { Json } from '@backstory/events';
import { LivePart } from '../live-part.js';
import { StreamFold, type ReplaySource } from '../stream-fold.js';
import { digestOf, digestsOf, fieldsIn } from './digest.js';
import type { PurityWatch } from './purity.js';

/** What became of a stream, as digests: a line of the file. */
export interface Trail {
  readonly stream: string;
  /** The version up to which it was folded. */
  readonly version: number;
  /** Each version that changed something with the digests of what it changed; `null` for what is gone. */
  readonly steps: readonly TrailStep[];
  /** Why it could not be folded to its end. */
  readonly failed?: TrailFailure;
  /** What handlers asked that they may not. */
  readonly impure?: readonly TrailImpurity[];
}

/** A version that changed something: which, and the digest of each field that it changed, `null` for what is gone. */
export type TrailStep = readonly [version: number, fields: Readonly<Record<string, string | null>>];

/** An event that cannot be folded, or whose state cannot be shown. */
export interface TrailFailure {
  readonly version: number;
  readonly type: string | null;
  readonly code: string;
  readonly message: string;
}

/** A handler whose answer depends on more than the state and the event. */
export interface TrailImpurity {
  readonly version: number;
  readonly type: string;
  /** `Account.deposited` */
  readonly handler: string;
  /** `clock (Date.now)`; `another result the second time`. */
  readonly what: string;
}

/** Which stream, how far, and how closely. */
export interface TrailOptions {
  readonly stream: string;
  /** Up to this version. Default: to its end. */
  readonly version?: number;
  /** Up to this position of the log. */
  readonly upToPosition?: number;
  /** Only the digests of the state at the end. */
  readonly isLastOnly?: boolean;
  readonly watch?: PurityWatch;
  /** Fold it a second time, at another time of the clock, and compare. */
  readonly isTwice?: boolean;
}

/** Folds a stream with the handlers of the application. What cannot be folded is part of the answer. */
export async function foldTrail(source: ReplaySource, options: TrailOptions): Promise<Trail> {
  const first = await new Trailing(source, options, 0).run();
  if (!options.isTwice || first.failed) return first;
  const second = await new Trailing(source, options, ANOTHER_TIME_MS).run();
  const other = firstDifference(first.steps, second.steps);
  if (!other) return first;
  const handler = await handlerAt(source, options.stream, other.version);
  const impurity = { ...handler, version: other.version, what: 'another result the second time' };
  return { ...first, impure: [...(first.impure ?? []), impurity] };
}

/** 400 days and some minutes: another day, month, year and hour. */
const ANOTHER_TIME_MS = 400 * 86_400_000 + 4_567_890;

class Trailing {
  private readonly steps: TrailStep[] = [];
  private readonly impure = new Map<string, TrailImpurity>();
  private readonly fold: StreamFold;
  private readonly fields: FieldTrail;

  constructor(
    source: ReplaySource,
    private readonly options: TrailOptions,
    private readonly shiftMs: number,
  ) {
    const { stream, version = Number.MAX_SAFE_INTEGER } = options;
    this.fold = StreamFold.upTo(source, stream, version);
    this.fields = new FieldTrail(this.fold);
  }

  async run(): Promise<Trail> {
    const { fold } = this;
    const { stream, upToPosition, isLastOnly } = this.options;
    const slice = upToPosition === undefined ? {} : { upToPosition };
    let failed: TrailFailure | undefined;
    try {
      if (!isLastOnly) this.look();
      const { watch } = this.options;
      for await (const events of fold.pages(slice)) {
        const work = () => events.forEach((event) => this.take(event));
        if (watch) watch.within(work);
        else work();
      }
      if (isLastOnly) this.steps.push([fold.version, digestsOf(fold.state())]);
    } catch (error) {
      failed = failureOf(error, fold);
    }
    return {
      stream,
      version: fold.version,
      steps: this.steps,
      ...(failed && { failed }),
      ...(this.impure.size > 0 && { impure: [...this.impure.values()] }),
    };
  }

  private take(event: StoredEvent): void {
    const { watch, isLastOnly } = this.options;
    if (!watch) this.fold.fold([event]);
    else {
      watch.begin(this.shiftMs);
      try {
        this.fold.fold([event]);
      } finally {
        for (const what of watch.end()) this.note(event, what);
      }
    }
    if (!isLastOnly) this.look();
  }

  private note({ version, type }: StoredEvent, what: string): void {
    const handler = this.fold.handlerOf(type);
    const key = `${handler} ${what}`;
    if (!this.impure.has(key)) this.impure.set(key, { version, type, handler, what });
  }

  private look(): void {
    const changed = this.fields.look();
    const { version } = this.fold;
    if (changed || version === 0) this.steps.push([version, changed ?? {}]);
  }
}

/** The digests of the fields of a state, of which only those are made again that an event has touched. */
class FieldTrail {
  private readonly part: LivePart;
  private readonly touched = new Set<string>();
  private readonly digests = new Map<string, string>();
  private state: Json | undefined;

  constructor(private readonly fold: StreamFold) {
    this.part = new LivePart(fold.model, [], ({ steps }) => void this.touched.add(String(steps[0])));
  }

  /** The digests that are others than at the last look, `null` for those of fields that are gone. @throws UnreadableState */
  look(): TrailStep[1] | undefined {
    const state = this.fold.readable(() => this.part.read(this.fold.value))!;
    const isSame = state === this.state;
    if (isSame && this.touched.size === 0) return undefined;
    const fields = fieldsIn(state);
    const changed: Record<string, string | null> = {};
    // Where it is another object, or none, it is not known what of it was touched.
    for (const name of isSame && fields === state ? this.touched : Object.keys(fields)) {
      const digest = digestOf(fields[name]!);
      if (this.digests.get(name) === digest) continue;
      this.digests.set(name, digest);
      changed[name] = digest;
    }
    if (!isSame) this.drop(fields, changed);
    this.state = state;
    this.touched.clear();
    return Object.keys(changed).length > 0 ? changed : undefined;
  }

  private drop(fields: Readonly<Record<string, Json>>, changed: Record<string, string | null>): void {
    for (const name of this.digests.keys())
      if (!Object.hasOwn(fields, name)) {
        this.digests.delete(name);
        changed[name] = null;
      }
  }
}

function failureOf(error: unknown, fold: StreamFold): TrailFailure {
  if (!(error instanceof BackstoryError) || !OF_FOLDING.has(error.code)) throw error;
  const { version, type } = error as { version?: number; type?: string };
  const { code, message } = error;
  return { version: version ?? fold.version + 1, type: type ?? fold.last?.type ?? null, code, message };
}

/** What the code cannot fold. Anything else, such as a store that is gone, is no answer. */
const OF_FOLDING: ReadonlySet<string> = new Set([
  'BACKSTORY_UNKNOWN_EVENT_TYPE',
  'BACKSTORY_UPCAST_FAILED',
  'BACKSTORY_UNREADABLE_EVENT',
  'BACKSTORY_UNREADABLE_STATE',
  'BACKSTORY_FOLD_FAILED',
  'BACKSTORY_ASYNC_FOLD',
  'BACKSTORY_RAISE_IN_FOLD',
]);

/** The first version at which two trails of one stream differ, and in which fields. */
export function firstDifference(
  one: readonly TrailStep[],
  other: readonly TrailStep[],
): { readonly version: number; readonly fields: readonly string[] } | undefined {
  for (let i = 0; i < Math.max(one.length, other.length); i++) {
    const [a, b] = [one[i], other[i]];
    const version = Math.min(a?.[0] ?? Infinity, b?.[0] ?? Infinity);
    const [mine, theirs] = [a?.[0] === version ? a[1] : {}, b?.[0] === version ? b[1] : {}];
    const names = new Set([...Object.keys(mine), ...Object.keys(theirs)]);
    const fields = [...names].filter(
      (name) =>
        (mine[name] ?? undefined) !== (theirs[name] ?? undefined) ||
        Object.hasOwn(mine, name) !== Object.hasOwn(theirs, name),
    );
    if (fields.length > 0) return { version, fields };
  }
  return undefined;
}

async function handlerAt(
  source: ReplaySource,
  stream: string,
  version: number,
): Promise<{ type: string; handler: string }> {
  const fold = StreamFold.upTo(source, stream, version);
  for await (const { events } of source.events.readStream(stream, { after: version - 1, upTo: version }))
    if (events[0]) return { type: events[0].type, handler: fold.handlerOf(events[0].type) };
  return { type: '(the initial state)', handler: fold.model.name };
}
