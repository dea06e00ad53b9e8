import type { FoldableEvent } from '@backstory/core/administration';
import type { Json } from '@backstory/events';
import { VersionOutOfRange } from '@backstory/repository';
import { foldFailureOf, type FoldFailure } from '../fold-failure.js';
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
  readonly failed?: FoldFailure;
  /** What handlers asked that they may not. */
  readonly impure?: readonly TrailImpurity[];
}

/** A version that changed something: which, and the digest of each field that it changed, `null` for what is gone. */
export type TrailStep = readonly [version: number, fields: Readonly<Record<string, string | null>>];

/** A handler whose answer depends on more than the state and the event. */
export interface TrailImpurity {
  readonly version: number;
  /** `null`: the state that a stream begins with. */
  readonly type: string | null;
  /** `Account.deposited` */
  readonly handler: string;
  /** `clock (Date.now)`; `another result the second time`. */
  readonly what: string;
}

/** Which stream, how far, and how closely. */
export interface TrailOptions {
  readonly stream: string;
  /** Up to this version. Default: to its end. */
  readonly version?: number | undefined;
  /** Up to this position of the log. */
  readonly upToPosition?: number | undefined;
  /** Its events up to there, where they have been read. */
  readonly events?: readonly FoldableEvent[] | undefined;
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
  // Why it is another one is known.
  if (first.impure?.some((it) => it.handler === handler.handler)) return first;
  const impurity = { ...handler, version: other.version, what: 'another result the second time' };
  return { ...first, impure: [...(first.impure ?? []), impurity] };
}

/** 400 days and some minutes: another day, month, year and hour. */
const ANOTHER_TIME_MS = 400 * 86_400_000 + 4_567_890;

class Trailing {
  private readonly steps: TrailStep[] = [];
  private readonly impure = new Map<string, TrailImpurity>();
  private readonly fold: StreamFold<FoldableEvent>;
  private readonly fields: FieldTrail;

  constructor(
    source: ReplaySource,
    private readonly options: TrailOptions,
    private readonly shiftMs: number,
  ) {
    const { stream, version = Number.MAX_SAFE_INTEGER, watch } = options;
    let asked: readonly string[] = [];
    const begin = () => {
      watch?.begin(this.shiftMs);
      try {
        return StreamFold.upTo<FoldableEvent>(source, stream, version);
      } finally {
        if (watch) asked = watch.end();
      }
    };
    this.fold = watch ? watch.within(begin) : begin();
    this.note(null, asked);
    this.fields = new FieldTrail(this.fold);
  }

  async run(): Promise<Trail> {
    const { fold } = this;
    const { stream, upToPosition, isLastOnly, events: known } = this.options;
    const slice = upToPosition === undefined ? {} : { upToPosition };
    let failed: FoldFailure | undefined;
    try {
      if (!isLastOnly) this.look();
      const { watch } = this.options;
      for await (const events of known ? [known] : fold.pages(slice)) {
        const work = () => {
          for (const event of events) this.take(event);
        };
        if (watch) watch.within(work);
        else work();
      }
      if (isLastOnly) this.steps.push([fold.version, digestsOf(fold.state())]);
    } catch (error) {
      failed = foldFailureOf(error, fold);
    }
    return {
      stream,
      version: fold.version,
      steps: this.steps,
      ...(failed && { failed }),
      ...(this.impure.size > 0 && { impure: [...this.impure.values()] }),
    };
  }

  /** What folding asks of the world is noted, whether it succeeds or fails. */
  private take(event: FoldableEvent): void {
    const { watch, isLastOnly } = this.options;
    watch?.begin(this.shiftMs);
    try {
      this.fold.fold([event]);
    } finally {
      if (watch) this.note(event, watch.end());
    }
    if (!isLastOnly) this.look();
  }

  /** `null`: what a stream begins with. */
  private note(event: FoldableEvent | null, asked: readonly string[]): void {
    for (const what of asked) {
      const { version, type } = event ?? { version: 0, type: null };
      const handler = type === null ? this.fold.model.name : this.fold.handlerOf(type);
      const key = `${handler} ${what}`;
      if (!this.impure.has(key)) this.impure.set(key, { version, type, handler, what });
    }
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
  /** The names of fields that another event has touched since, each once in a row. */
  private touched: string[] = [];
  private readonly digests = new Map<string, string>();
  private state: Json | undefined;

  constructor(private readonly fold: StreamFold<FoldableEvent>) {
    this.part = new LivePart(fold.model, [], ({ steps: [name] }) => {
      if (this.touched.at(-1) !== name) this.touched.push(String(name));
    });
  }

  /** The digests that are others than at the last look, `null` for those of fields that are gone. @throws UnreadableState */
  look(): TrailStep[1] | undefined {
    const state = this.fold.readable(() => this.part.read(this.fold.value))!;
    const isSame = state === this.state;
    if (isSame && this.touched.length === 0) return undefined;
    const fields = fieldsIn(state);
    let changed: Record<string, string | null> | undefined;
    // Where it is another object, or none, it is not known what of it was touched.
    for (const name of isSame && fields === state ? this.touched : Object.keys(fields)) {
      const digest = digestOf(fields[name]!);
      if (this.digests.get(name) === digest) continue;
      this.digests.set(name, digest);
      (changed ??= {})[name] = digest;
    }
    for (const name of isSame ? [] : this.gone(fields)) {
      this.digests.delete(name);
      (changed ??= {})[name] = null;
    }
    this.state = state;
    this.touched = [];
    return changed;
  }

  private gone(fields: Readonly<Record<string, Json>>): readonly string[] {
    return [...this.digests.keys()].filter((name) => !Object.hasOwn(fields, name));
  }
}

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
): Promise<Pick<TrailImpurity, 'type' | 'handler'>> {
  const fold = StreamFold.upTo(source, stream, version);
  if (version === 0) return { type: null, handler: fold.model.name };
  for await (const { events } of source.events.readStream(stream, { after: version - 1, upTo: version }))
    if (events[0]) return { type: events[0].type, handler: fold.handlerOf(events[0].type) };
  throw new VersionOutOfRange(stream, version, version - 1);
}
