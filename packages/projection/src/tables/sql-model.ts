import type { RecordedEvent, StoredEvent } from '@backstory/core';
import { StatementFailed, type SqlSession, type SqlValue } from '@backstory/core/state';
import type { Class } from '@backstory/events';
import { HandledEvents, handlerMethods } from '../definition/handled-events.js';
import type { ModelFacts } from '../definition/model-facts.js';
import { failedAt, lateAt, type ProjectionFailed } from '../errors.js';
import { tablesIn, type Sql, type TableName, type Tables } from './sql.js';
import type { SqlProjectionOptions } from './sql-options.js';
import type { SqlHandler, SqlProjection } from './sql-projection.js';
import type { TableShapes } from './table-shape.js';

/** What a projection with tables of its own does, with everything decided and checked. */
export class SqlModel implements ModelFacts {
  readonly name: string;
  readonly version: number;
  readonly target = 'state';
  readonly changed: 'rebuild' | 'swap' | 'refuse';
  readonly indexes: readonly string[] = [];
  readonly tables: TableShapes;
  readonly events: readonly string[];
  readonly typeNames: readonly string[];
  private readonly handled: HandledEvents<SqlHandler>;

  /** @throws InvalidDefinition, DuplicateEventType, NotAnEvent … */
  constructor({ name, options, handlers }: SqlProjection) {
    this.name = name;
    this.version = options.version;
    this.changed = options.changed ?? 'rebuild';
    this.tables = options.tables;
    this.handled = new HandledEvents(name, handlers);
    this.events = this.handled.names;
    this.typeNames = this.handled.typeNames;
  }

  /** With a time of its own: that of what is stored may be the log's. @throws ProjectionFailed */
  decode(stored: StoredEvent): RecordedEvent<object> {
    try {
      return { ...this.handled.types.decode(stored), recordedAt: new Date(stored.recordedAt) };
    } catch (error) {
      throw failedAt(this.name, 'reading it', stored, error);
    }
  }

  /**
   * Has an event do to the tables of a generation what it does, in the transaction of the session. Tells which handler begins, and of
   * statements that come once it is over, which are lost.
   *
   * @throws ProjectionFailed naming the handler; what says that the store cannot go on
   */
  async handle(
    session: SqlSession,
    generation: number,
    recorded: RecordedEvent<object>,
    { begins, late }: Watching,
  ): Promise<void> {
    const all = tablesIn(session, { name: this.name, generation, tables: this.tables });
    for (const { name, run } of this.handled.of(recorded.type)) {
      const watched = new WatchedSql(all.sql, () => late(lateAt(this.name, name, recorded)));
      begins(name);
      try {
        await run(recorded.data, recorded, { ...all, sql: watched.sql });
        watched.end();
      } catch (error) {
        if (watched.isHindered) throw watched.failure;
        // The first one: after it PostgreSQL refuses every other, and says nothing of why.
        throw failedAt(this.name, name, recorded, watched.failure ?? error);
      }
    }
  }
}

/** Who is told what handlers do. */
export interface Watching {
  readonly begins: (handler: string) => void;
  readonly late: (error: ProjectionFailed) => void;
}

/** A class with `@Projection` whose methods write tables: one instance of it for all events. */
export function sqlProjectionOf(cls: Class, name: string, options: SqlProjectionOptions): SqlProjection {
  const instance = new cls(...([] as never[])) as Record<
    string | symbol,
    (event: object, recorded: RecordedEvent<object>, tables: Tables<never>) => unknown
  >;
  const handlers = handlerMethods(cls).map(({ event, method }): SqlHandler => {
    return { event, name: String(method), run: (...given) => instance[method]!(...given) };
  });
  return { name, options, handlers };
}

/** The statements of one handler at one event: one that failed, or that nobody waited for, is not passed over. */
class WatchedSql {
  failure: unknown;
  private underWay = 0;
  private isOver = false;
  readonly sql: Sql;

  constructor(
    private readonly inner: Sql,
    private readonly late: () => void,
  ) {
    this.sql = ((texts, ...values) => {
      const result = this.run(texts, values);
      // It is told of in `end`, also where the handler drops the promise.
      result.catch(() => undefined);
      return result;
    }) as Sql;
  }

  /** Whether the store is what failed, and not a statement. */
  get isHindered(): boolean {
    return this.failure !== undefined && !(this.failure instanceof StatementFailed);
  }

  end(): void {
    this.isOver = true;
    if (this.underWay > 0) throw new Error('it did not wait for a statement: `await` every one');
    // PostgreSQL does nothing more in this transaction.
    if (this.failure !== undefined) throw this.failure as Error;
  }

  private async run(texts: TemplateStringsArray, values: readonly (SqlValue | TableName)[]) {
    if (this.isOver) {
      this.late();
      throw new Error('The handler is over: wait for every statement in it.');
    }
    this.underWay++;
    try {
      return await this.inner(texts, ...values);
    } catch (error) {
      this.failure ??= error;
      throw error;
    } finally {
      this.underWay--;
    }
  }
}
