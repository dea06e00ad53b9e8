import { FoldFailed, isProduction, recordOf, type AggregateModel } from '@backstory/aggregate';
import { SnapshotMismatch } from './errors.js';
import { foldFrom, fromZero, type Loaded, type LoadRequest } from './load.js';
import { differences } from './same-state.js';
import { Shortcuts, type Shortcut, type ShortcutParts } from './shortcuts.js';

/** What a loader works with. */
export interface LoaderParts extends ShortcutParts {
  /** The share of loads that began with a kept state and are checked against a fold of all events. */
  readonly verifyLoads: number | undefined;
}

/**
 * Loads aggregates of one kind: from the cache, from a snapshot or from the first event, and keeps for later loads what it
 * had to fold. That is taken from an instance before anybody else sees it, so what a caller does to one is never kept.
 * The events decide: after a kept state that they do not give, none of this kind is used any more.
 */
export class Loader<A extends object> {
  private readonly shortcuts: Shortcuts<A>;
  private isTrusting = true;
  private hasChecked = false;

  constructor(
    private readonly model: AggregateModel<A>,
    private readonly parts: LoaderParts,
  ) {
    this.shortcuts = new Shortcuts(model, parts);
  }

  /** @throws VersionOutOfRange, SnapshotMismatch, FoldFailed … */
  load(request: LoadRequest): Promise<Loaded<A>> {
    const start = () => ({ aggregate: this.model.name, stream: request.stream });
    return this.parts.observer.load(start, async (end) => {
      const shortcut = this.isTrusting ? await this.shortcuts.find(request) : undefined;
      const loaded = shortcut ? await this.loadFrom(shortcut, request) : await this.foldAll(request);
      const { version } = recordOf(loaded.aggregate);
      const { from = 'stream', version: snapshotVersion } = shortcut ?? {};
      end(() => ({ version, eventsFolded: version - (snapshotVersion ?? 0), from, snapshotVersion }));
      if (this.isTrusting) this.shortcuts.keep(request, loaded, shortcut);
      return loaded;
    });
  }

  /** Waits for the snapshots that are being written; from then on none is begun. */
  close(): Promise<void> {
    return this.shortcuts.close();
  }

  private foldAll(request: LoadRequest): Promise<Loaded<A>> {
    return foldFrom(this.model, request, fromZero(this.model, this.parts.store, request));
  }

  private async loadFrom(shortcut: Shortcut<A>, request: LoadRequest): Promise<Loaded<A>> {
    try {
      const loaded = await foldFrom(this.model, request, shortcut);
      return this.isToBeChecked() ? await this.checked(loaded, shortcut, request) : loaded;
    } catch (error) {
      // It may be the kept state that cannot be folded any further.
      if (!(error instanceof FoldFailed)) throw error;
      const truth = await this.foldAll(request);
      this.distrust(truth, shortcut, [error.message]);
      return truth;
    }
  }

  /** The first one of a process, which may run other code than the process that kept the state, and a share of the others. */
  private isToBeChecked(): boolean {
    const { verifyLoads = isProduction() ? 0.01 : 1 } = this.parts;
    return !this.hasChecked || Math.random() < verifyLoads;
  }

  private async checked(
    loaded: Loaded<A>,
    shortcut: Shortcut<A>,
    { id, stream }: LoadRequest,
  ): Promise<Loaded<A>> {
    const { version, readOnly } = recordOf(loaded.aggregate);
    const truth = await this.foldAll({ id, stream, atVersion: version });
    this.hasChecked = true;
    const wrong = differences(this.model, truth.aggregate, loaded.aggregate);
    if (wrong.length > 0) this.distrust(truth, shortcut, wrong);
    recordOf(truth.aggregate).readOnly = readOnly;
    return { ...loaded, aggregate: truth.aggregate };
  }

  /** @throws SnapshotMismatch outside production, where whoever wrote the code is there to see it */
  private distrust({ aggregate }: Loaded<A>, shortcut: Shortcut<A>, wrong: readonly string[]): void {
    const { version } = recordOf(aggregate);
    const mismatch = new SnapshotMismatch(shortcut.stream, version, shortcut.version, wrong);
    this.isTrusting = false;
    this.shortcuts.forget(shortcut.stream, mismatch.message);
    if (!isProduction()) throw mismatch;
  }
}
