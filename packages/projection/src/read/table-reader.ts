import type { EventStore, StateStore } from '@backstory/core';
import { StatementFailed } from '@backstory/core/state';
import { madeOtherwise } from '../errors.js';
import { generationIn, type Generation } from '../generation/control.js';
import { placesOf } from '../generation/places.js';
import { readProgress } from '../generation/progress.js';
import { requireControl } from '../generation/generations.js';
import { requireSql } from '../tables/require-sql.js';
import type { SqlModel } from '../tables/sql-model.js';
import { tablesIn, type Tables } from '../tables/sql.js';
import type { AsOfOptions } from './as-of.js';
import { requireAsk } from './given.js';
import { TablesAsOf } from './tables-as-of.js';

/** What a question is asked of: the tables of the live generation, which have every event up to a position. */
export type TablesRead<Names extends string> = Tables<Names> & {
  readonly generation: number;
  readonly position: number;
};

/** The tables of a projection, as its live generation has them. They are read with SQL. */
export class TableReader<Names extends string = string> {
  readonly name: string;

  constructor(
    private readonly model: SqlModel,
    private readonly stores: { readonly events: EventStore; readonly state: StateStore },
  ) {
    this.name = model.name;
  }

  /**
   * Asks something of one generation at one position, with as many statements as it takes. Nothing can be written. Where the
   * generation was swapped and dropped meanwhile it is asked again.
   *
   * ```ts
   * const most = await app.tables(withdrawals).query(({ sql, largest }) => {
   *   return sql<Largest>`select account, amount from ${largest} order by amount desc limit 10`;
   * });
   * ```
   *
   * @throws StatementFailed, ProjectionNotFound; GenerationUnusable where code of another version made what is read
   */
  async query<T>(ask: (tables: TablesRead<Names>) => Promise<T>): Promise<T> {
    requireAsk(ask);
    for (;;) {
      let asked = 0;
      try {
        return await this.stores.state.read(async (view) => {
          const { live } = await requireControl(view, this.name);
          asked = live;
          const position = (await readProgress(view, placesOf(this.name), live))?.checkpoint.through ?? 0;
          const { name, model } = this;
          const tables = tablesIn(requireSql(view, name), { name, generation: live, tables: model.tables });
          return ask({ ...(tables as Tables<Names>), generation: live, position });
        });
      } catch (error) {
        if (!(error instanceof StatementFailed)) throw error;
        const { version: code } = this.model;
        const made = await this.read(asked);
        if (made && made.version !== code) throw madeOtherwise(this.name, made, { code, cause: error });
        if (made) throw error;
      }
    }
  }

  /**
   * The tables as they were at a position of the log, or at an instant by recorded time: filled with the handlers of the code that runs
   * here, and undone once they were asked.
   *
   * ```ts
   * const before = await app
   *   .tables(withdrawals)
   *   .asOf(position - 1)
   *   .query(({ sql, largest }) => {
   *     return sql<Largest>`select account, amount from ${largest}`;
   *   });
   * ```
   *
   * @throws InvalidOption where it is neither
   */
  asOf(when: number | Date, options?: AsOfOptions): TablesAsOf<Names> {
    return new TablesAsOf({ model: this.model, ...this.stores }, when, options);
  }

  /** Up to which position the tables have every event. */
  async position(): Promise<number> {
    return this.query(async ({ position }) => position);
  }

  /** The generation that was asked, where it is still the one that is read. */
  private async read(generation: number): Promise<Generation | undefined> {
    const control = await this.stores.state.read((view) => requireControl(view, this.name));
    return control.live === generation ? generationIn(control, generation) : undefined;
  }
}
