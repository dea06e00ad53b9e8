import type { EventStore, StateStore, StoredEvent } from '@backstory/core';
import { shown, type StateView } from '@backstory/core/state';
import { InvalidOption, knownOptions, numberOption, type OptionNames } from '@backstory/core/store';
import { collectionsOf } from './collections.js';
import { readControl, type Control } from './control.js';
import { PARTITIONS, partitionName, partitionOf } from './key-partition.js';
import { outcomesOf } from './outcome.js';
import { sweptUpTo } from './outcome-retention.js';
import { accountedTypes, readProgress, type Progress } from './progress.js';
import { Standings } from './standing.js';

/** Of how many events that a subscription has passed something is known. */
export interface Accounting {
  /** Events of which something must be known, and that were looked at. */
  readonly examined: number;
  /** How many of these there is nothing about: no outcome, no parked key, and nobody left them out. */
  readonly missing: number;
  /** Why nothing could be looked at. */
  readonly why?: string;
}

/** Which events to account for, and how. */
export interface AccountingOptions {
  /** Only events after this position. */
  readonly after?: number;
  /** Is given each of which nothing is known, in the order of the log. */
  readonly onMissing?: (event: StoredEvent) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Goes through what a subscription has dealt with while it kept all outcomes. A page is in memory at a time. @throws InvalidOption */
export async function accountFor(
  { events, state }: { readonly events: EventStore; readonly state: StateStore },
  name: string,
  options: AccountingOptions,
): Promise<Accounting> {
  const { after = 0, onMissing, signal } = knownOptions(options, NAMES);
  numberOption('after', after, 0, Number.MAX_SAFE_INTEGER);
  if (onMissing !== undefined && typeof onMissing !== 'function')
    throw new InvalidOption('onMissing', `must be a function, not ${shown(onMissing)}.`);
  const { logId } = await events.identity();
  const ledger = new Ledger(name, logId);
  const { control, parts } = await state.read((view) => ledger.look(view));
  if (!control?.accounted?.length) return { ...NOTHING, why: 'it does not keep all outcomes' };
  if (control.keyed === 'own') return { ...NOTHING, why: 'only its own code knows its keys' };
  const first = Math.max(after, Math.min(...parts.map((it) => it.after)));
  const last = Math.max(...parts.map(({ through }) => through));
  let { examined, missing } = NOTHING;
  if (first >= last) return NOTHING;
  const { accounted: types, includeSystem = false } = control;
  for await (const page of events.readAll({ types, includeSystem, after: first, upTo: last })) {
    signal?.throwIfAborted();
    const found = await state.read((view) => ledger.of(view, page.events));
    examined += found.examined;
    missing += found.missing.length;
    found.missing.forEach((event) => onMissing?.(event));
  }
  return { examined, missing };
}

const NAMES: OptionNames<AccountingOptions> = { after: true, onMissing: true, signal: true };
const NOTHING: Accounting = { examined: 0, missing: 0 };

/** What one view of the state store says of events. Each has a view of its own: what was dealt with meanwhile has its outcome in it. */
class Ledger {
  private readonly collections: ReturnType<typeof collectionsOf>;

  constructor(
    private readonly name: string,
    private readonly logId: string,
  ) {
    this.collections = collectionsOf(name);
  }

  async look(
    view: StateView,
  ): Promise<{ readonly control: Control | undefined; readonly parts: readonly Part[] }> {
    const control = await readControl(view, this.name);
    const rows = await view.list(this.collections.progress);
    const known = new Map(rows.map(({ key, value }) => [key, readProgress(value)]));
    const parts = Array.from({ length: PARTITIONS }, (_, it) =>
      this.part(known.get(partitionName(it)), control),
    );
    return { control, parts };
  }

  async of(
    view: StateView,
    events: readonly StoredEvent[],
  ): Promise<{ readonly examined: number; readonly missing: readonly StoredEvent[] }> {
    const { parts } = await this.look(view);
    const swept = await sweptUpTo(view, this.collections.swept);
    const due = events.filter(({ stream, position }) => {
      const { after, through } = parts[partitionOf(stream)]!;
      return position > Math.max(after, swept) && position <= through;
    });
    if (due.length === 0) return { examined: 0, missing: [] };
    const told = await this.told(view, due[0]!.position, due.at(-1)!.position);
    const untold = due.filter(({ position }) => !told.has(position));
    const standings = (await Standings.read(view, { name: this.name, logId: this.logId }))!;
    const missing: StoredEvent[] = [];
    for (const event of untold) {
      const { state } = await standings.of({ position: event.position, key: event.stream });
      if (state === 'done') missing.push(event);
    }
    return { examined: due.length, missing };
  }

  /** What another log's events became, or what a reset has set aside, says nothing; nor do outcomes kept of other types. */
  private part(progress: Progress | undefined, control: Control | undefined): Part {
    const { accounted, reset } = control ?? {};
    const isOf =
      progress?.logId === this.logId &&
      (!reset || progress.reset === reset.id) &&
      accounted !== undefined &&
      progress.accounted?.types === accountedTypes(accounted);
    if (!isOf) return { after: Infinity, through: 0 };
    return { after: progress.accounted.after, through: progress.through };
  }

  /** The positions between two that have an outcome. */
  private async told(view: StateView, first: number, last: number): Promise<ReadonlySet<number>> {
    const told = new Set<number>();
    const upTo = outcomesOf(last + 1);
    for (let after = outcomesOf(first).slice(0, -1), isMore = true; isMore;) {
      const rows = await view.list(this.collections.outcomes, { after, upTo, limit: PAGE });
      for (const { key } of rows) told.add(Number.parseInt(key, 10));
      isMore = rows.length === PAGE;
      after = rows.at(-1)?.key ?? after;
    }
    return told;
  }
}

const PAGE = 1_000;

/** How far a partition is, and since when everything in it is accounted for. */
interface Part {
  readonly after: number;
  readonly through: number;
}
