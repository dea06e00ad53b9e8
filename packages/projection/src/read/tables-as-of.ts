import { setImmediate as turn } from 'node:timers/promises';
import type { EventStore, StoredEvent, StateStore } from '@backstory/core';
import { knownOptions, type OptionNames } from '@backstory/core/store';
import { AsOfTooCostly, type ProjectionFailed } from '../errors.js';
import { requireSql } from '../tables/require-sql.js';
import type { SqlModel } from '../tables/sql-model.js';
import { tablesIn, type Tables } from '../tables/sql.js';
import { createTables } from '../tables/table-shape.js';
import { wholeOption } from '../whole-option.js';
import type { AsOfOptions } from './as-of.js';
import { requireAsk } from './given.js';
import { positionAt, requireWhen } from './position-at.js';

/** What a question about another time is asked of: the tables with every event up to a position. */
export type TablesAsOfRead<Names extends string> = Tables<Names> & { readonly position: number };

/**
 * The tables of a projection as they were at a position of the log or at an instant: made and filled anew with the projection's own
 * handlers, in a transaction that is undone once they were asked. Nothing of it is ever seen by others.
 */
export class TablesAsOf<Names extends string = string> {
  private readonly maxEvents: number;

  constructor(
    private readonly parts: {
      readonly model: SqlModel;
      readonly events: EventStore;
      readonly state: StateStore;
    },
    private readonly when: number | Date,
    options: AsOfOptions = {},
  ) {
    const { maxEvents = 20_000 } = knownOptions(options, OPTIONS);
    this.maxEvents = wholeOption('maxEvents', maxEvents, 1, Number.MAX_SAFE_INTEGER);
    requireWhen(when);
  }

  /**
   * Asks something, with as many statements as it takes. Meanwhile nobody else writes to a SQLite file. What it writes is undone.
   *
   * @throws AsOfTooCostly, InvalidOption, ProjectionFailed, StatementFailed; TransactionTimedOut where it takes too long
   */
  async query<T>(ask: (tables: TablesAsOfRead<Names>) => Promise<T>): Promise<T> {
    requireAsk(ask);
    const { model, events, state } = this.parts;
    const { name, tables } = model;
    const position = await positionAt(events, this.when);
    const before = await this.before(position);
    const of = { name, generation: NONE, tables };
    try {
      return await state.transaction([], async (tx): Promise<never> => {
        const sql = requireSql(tx, name);
        await createTables(sql, of);
        let lost: ProjectionFailed | undefined;
        const watching = { begins: () => undefined, late: (error: ProjectionFailed) => (lost ??= error) };
        for (const event of before) await model.handle(sql, NONE, model.decode(event), watching);
        await turn();
        if (lost) throw lost as Error;
        throw new Answered(await ask({ ...(tablesIn(sql, of) as Tables<Names>), position }));
      });
    } catch (error) {
      if (error instanceof Answered) return error.answer as T;
      throw error;
    }
  }

  /** Read before the transaction, which waits for no other connection. */
  private async before(position: number): Promise<readonly StoredEvent[]> {
    const { model, events } = this.parts;
    const all: StoredEvent[] = [];
    let length = 0;
    for await (const page of events.readAll({ types: model.typeNames, upTo: position, pageSize: PAGE })) {
      for (const { data } of page.events) length += data.length;
      if (all.length + page.events.length > this.maxEvents || length > LONGEST) throw this.tooCostly(length);
      all.push(...page.events);
    }
    return all;
  }

  private tooCostly(length: number): AsOfTooCostly {
    const { name, events } = this.parts.model;
    const much =
      length > LONGEST
        ? `more than ${LONGEST / 2 ** 20} Mi characters`
        : `more than ${this.maxEvents} events`;
    return new AsOfTooCostly(
      name,
      `${much} of ${events.join(', ')}, all of which its tables are filled from`,
      'allow more with maxEvents, ask of an earlier time, or have a projection of documents for it.',
    );
  }
}

/** Undoes the transaction that it is thrown in. */
class Answered extends Error {
  constructor(readonly answer: unknown) {
    super('answered');
  }
}

const OPTIONS: OptionNames<AsOfOptions> = { maxEvents: true };
/** Generations are counted from 1. */
const NONE = 0;
const PAGE = 1_000;
/** Characters of the data of events that are held at once. */
const LONGEST = 32 * 2 ** 20;
