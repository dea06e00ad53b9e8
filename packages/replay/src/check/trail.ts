import { BackstoryError, type StoredEvent } from '@backstory/core';
import type { Json } from '@backstory/events';
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
  private before: Readonly<Record<string, Json>> = {};

  constructor(
    private readonly source: ReplaySource,
    private readonly options: TrailOptions,
    private readonly shiftMs: number,
  ) {}

  async run(): Promise<Trail> {
    const { stream, version, upToPosition, isLastOnly } = this.options;
    const fold = StreamFold.upTo(this.source, stream, version ?? Number.MAX_SAFE_INTEGER);
    const slice = upToPosition === undefined ? {} : { upToPosition };
    let failed: TrailFailure | undefined;
    try {
      if (!isLastOnly) this.look(fold);
      const { watch } = this.options;
      for await (const events of fold.pages(slice)) {
        const work = () => events.forEach((event) => this.fold(fold, event));
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

  private fold(fold: StreamFold, event: StoredEvent): void {
    const { watch, isLastOnly } = this.options;
    if (!watch) fold.fold([event]);
    else {
      watch.begin(this.shiftMs);
      try {
        fold.fold([event]);
      } finally {
        for (const what of watch.end()) this.note(fold, event, what);
      }
    }
    if (!isLastOnly) this.look(fold);
  }

  private note(fold: StreamFold, { version, type }: StoredEvent, what: string): void {
    const handler = fold.handlerOf(type);
    const key = `${handler} ${what}`;
    if (!this.impure.has(key)) this.impure.set(key, { version, type, handler, what });
  }

  /** Only of what is another object the digest is another one. */
  private look(fold: StreamFold): void {
    const now = fieldsIn(fold.state());
    if (now === this.before) return;
    const changed: Record<string, string | null> = {};
    for (const name of Object.keys(now))
      if (now[name] !== this.before[name]) changed[name] = digestOf(now[name]!);
    for (const name of Object.keys(this.before)) if (!Object.hasOwn(now, name)) changed[name] = null;
    if (fold.version === 0 || Object.keys(changed).length > 0) this.steps.push([fold.version, changed]);
    this.before = now;
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
