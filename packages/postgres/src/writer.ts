import type { Client } from 'pg';
import { drop, type Database } from './database.js';
import { isTransient, storeError } from './failures.js';
import { sessionOn, type Run, type Statement } from './session.js';

/** The connection that appends go through: one after another, made when it is needed and again when it was lost. */
export class Writer {
  private connected: Promise<Connected> | undefined;

  constructor(private readonly database: Database) {}

  /** @throws StoreUnavailable when nobody knows whether the statement was carried out */
  async run<Row extends readonly unknown[]>(statement: Statement): Promise<Row[]> {
    const { client, run } = await (this.connected ??= this.connect());
    try {
      return await run<Row>(statement);
    } catch (error) {
      if (isTransient(error)) this.forget(client);
      throw storeError(error, this.database.store);
    }
  }

  /** Call it when nothing is under way. */
  async close(): Promise<void> {
    const connected = await this.connected?.catch(() => undefined);
    this.connected = undefined;
    if (connected) await this.database.end(connected.client);
  }

  private async connect(): Promise<Connected> {
    try {
      const client = await this.database.connect();
      client.once('end', () => this.forget(client));
      return { client, run: sessionOn(client, this.database) };
    } catch (error) {
      this.connected = undefined;
      throw error;
    }
  }

  /** It may be told twice that a connection is gone, the second time when there is a new one. */
  private forget(lost: Client): void {
    drop(lost);
    const connected = this.connected;
    // One that is being made and cannot be is told to whoever waits for it.
    connected?.then(
      ({ client }) => {
        if (client === lost && this.connected === connected) this.connected = undefined;
      },
      () => undefined,
    );
  }
}

interface Connected {
  readonly client: Client;
  readonly run: Run;
}
