import type { RecordedEvent } from '@backstory/core';
import { InvalidDefinition } from '@backstory/events';
import type { AsOfOptions } from '../read/as-of.js';
import type { Documents } from '../read/documents.js';
import type { CaughtUpOptions } from '../read/given.js';
import type { KeptResult } from '../results/emit.js';
import type { ResultsQuery } from '../results/list-results.js';
import type { ClosedWindow, WindowDocument, WindowResult } from './window-document.js';
import { WindowFold } from './window-fold.js';
import type { Windows } from './windows.js';

/** The windows of a projection that {@link windows} made, as the live generation has them. @throws InvalidDefinition for another projection */
export class WindowsReader<Values> {
  constructor(
    private readonly windows: Windows<Values>,
    private readonly documents: Documents<WindowDocument, ClosedWindow<Values>>,
  ) {
    if (!((windows.fold as unknown) instanceof WindowFold))
      throw new InvalidDefinition(
        documents.name,
        'has no windows, which `windows(…)` makes: ask `projection(…)` for its documents.',
      );
  }

  /**
   * The window of a key that its latest event is in, so far; of several the one that began first. `undefined`: there is none.
   *
   * @throws GenerationUnusable where what is read was made by code of another version, of whose windows the reducers here know nothing;
   * ProjectionNotFound
   */
  async current(key: string): Promise<WindowResult<Values> | undefined> {
    return this.currentIn(await this.documents.getOwn(key));
  }

  /** The windows of a key that are still open, the one that began first first. @throws GenerationUnusable as `current`; ProjectionNotFound */
  async open(key: string): Promise<readonly WindowResult<Values>[]> {
    return this.openIn(await this.documents.getOwn(key));
  }

  /** The windows of a key that were closed, in the order in which they were, as the code that closed them gave them. @throws InvalidOption, ProjectionNotFound */
  async closed(key: string, query?: ResultsQuery): Promise<readonly KeptResult<ClosedWindow<Values>>[]> {
    return this.documents.results(key, query);
  }

  /**
   * The windows that an event has closed: for a handler of a subscription, which is given the same ones however often it is called.
   * It waits until the projection has the event, and what is read was made by code of this version.
   *
   * ```ts
   * reaction(PaymentReceived, async (_event, recorded) => {
   *   for (const { result } of await app.windows(paymentsPerDay).closedBy(recorded))
   *     await app.record('report-daily', [new DayClosed(result.from, result.values.cents)]);
   * })
   * ```
   *
   * @throws NotCaughtUp after `timeoutMs`, saying why; ProjectionNotFound; the signal's reason
   */
  async closedBy(
    recorded: RecordedEvent<object>,
    options?: CaughtUpOptions,
  ): Promise<readonly KeptResult<ClosedWindow<Values>>[]> {
    return this.documents.resultsOf(recorded, options);
  }

  /** The windows that were open at a position of the log, or at an instant by recorded time, folded from the events. */
  asOf(when: number | Date, options?: AsOfOptions): Pick<WindowsReader<Values>, 'current' | 'open'> {
    const before = this.documents.asOf(when, options);
    return {
      current: async (key) => this.currentIn(await before.get(key)),
      open: async (key) => this.openIn(await before.get(key)),
    };
  }

  private currentIn(document: WindowDocument | undefined): WindowResult<Values> | undefined {
    return document && this.windows.fold.current(document);
  }

  private openIn(document: WindowDocument | undefined): readonly WindowResult<Values>[] {
    return document ? this.windows.fold.open(document) : [];
  }
}
