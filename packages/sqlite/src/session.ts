import type { BoundValue, Connection, Row, Statement, Value } from './driver.js';

/** A connection that prepares each text once. */
export class Session {
  private readonly prepared = new Map<string, Statement>();

  constructor(private readonly connection: Connection) {}

  /** Every row of a query. */
  all<T extends Row = Row>(sql: string, ...params: readonly Value[]): T[] {
    return this.statement(sql).all(params) as unknown as T[];
  }

  /** The first row of a query. Ask for one: the statement runs to its end. */
  first<T extends Row = Row>(sql: string, ...params: readonly Value[]): T | undefined {
    return this.all<T>(sql, ...params)[0];
  }

  /** Runs a statement with many parameters, and says how many rows it changed. */
  run(sql: string, params: readonly Value[] = []): number {
    return this.statement(sql).run(params);
  }

  /** Every row of a query by the names of its columns; none where it gives no rows. */
  objects(sql: string, params: readonly BoundValue[]): readonly Readonly<Record<string, unknown>>[] {
    return this.statement(sql).objects(params);
  }

  exec(sql: string): void {
    this.connection.exec(sql);
  }

  rollBack(): void {
    try {
      this.exec('ROLLBACK');
    } catch {
      // SQLite has rolled back by itself: it does so when the disk is full or fails
    }
  }

  close(): void {
    this.prepared.clear();
    this.connection.close();
  }

  private statement(sql: string): Statement {
    let statement = this.prepared.get(sql);
    if (statement === undefined) this.prepared.set(sql, (statement = this.connection.prepare(sql)));
    return statement;
  }
}
