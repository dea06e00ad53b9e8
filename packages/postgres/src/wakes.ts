import { createHash } from 'node:crypto';
import { WakeList, outside, type Unsubscribe } from '@backstory/core/store';
import type { Client, QueryConfig } from 'pg';
import { drop, type Database } from './database.js';

/** How wake-ups travel between processes. */
export interface WakesOptions {
  /** `false`: followers are woken by polling alone. */
  readonly notify: boolean;
  /** How often to look where notifications do not arrive. */
  readonly pollMs: number;
}

/**
 * Wakes followers: at once when this process appends, by NOTIFY when another one does, and by looking at the head every
 * so often in case a notification was lost. Notifications are sent beside the appends, on the connection that listens,
 * and no more than one every few milliseconds: PostgreSQL lets one transaction at a time commit with one.
 */
export class Wakes {
  private readonly list = new WakeList();
  private head = 0;
  private listener: Promise<Client | undefined> | undefined;
  private connected: Client | undefined;
  private poll: NodeJS.Timeout | undefined;
  private untold = false;
  private saying: Promise<void> | undefined;
  private closed = false;

  constructor(
    private readonly database: Database,
    private readonly options: WakesOptions,
  ) {}

  add(wake: () => void): Unsubscribe {
    const remove = this.list.add(wake);
    this.poll ??= outside(() => setInterval(() => void this.look(), this.options.pollMs).unref());
    void this.listen();
    return () => {
      remove();
      if (this.list.size === 0) this.stopLooking();
    };
  }

  /** This process has appended up to `head`. */
  appended(head: number): void {
    this.arrived(Math.max(this.head, head));
    if (!this.notifies) return;
    this.untold = true;
    this.saying ??= outside(() => this.tellAll());
  }

  async close(): Promise<void> {
    this.stopLooking();
    await this.saying;
    this.closed = true;
    const client = await this.listener;
    if (client) await this.database.end(client);
  }

  private arrived(head: number): void {
    this.head = head;
    this.list.notify();
  }

  private stopLooking(): void {
    clearInterval(this.poll);
    this.poll = undefined;
  }

  /** One notification after the other, however slow the server is. */
  private async tellAll(): Promise<void> {
    while (this.untold) {
      await new Promise((wait) => setTimeout(wait, EVERY_MS));
      if (!this.untold) continue;
      this.untold = false;
      const values = [this.channel, String(this.head)];
      await this.say({ name: 'backstory_notify', text: 'select pg_notify($1, $2)', values });
    }
    this.saying = undefined;
  }

  /** A line that has gone dead gives no sign of it but that nothing is answered. */
  private async say(statement: QueryConfig): Promise<void> {
    const client = await this.listen();
    try {
      await client?.query(statement);
    } catch {
      this.lost(client!);
    }
  }

  /** The connection that listens; `undefined` where there is none for now, which the next call tries to change. */
  private listen(): Promise<Client | undefined> {
    if (!this.notifies || this.closed) return Promise.resolve(undefined);
    return (this.listener ??= this.connect());
  }

  private async connect(): Promise<Client | undefined> {
    let client: Client | undefined;
    try {
      client = await this.database.connect({ direct: true });
      const listening = (this.connected = client);
      client.once('end', () => this.lost(listening));
      client.on('notification', ({ payload }) => this.heard(Number(payload)));
      await client.query(this.listenSql);
      return client;
    } catch {
      // followers look by themselves, and they report what is wrong
      this.connected = undefined;
      this.listener = undefined;
      if (client) drop(client);
      return undefined;
    }
  }

  /** Who has told of as much as there is to tell has told it for all: positions become visible in order. */
  private heard(head: number): void {
    if (head >= this.head) this.untold = false;
    if (head > this.head) this.arrived(head);
  }

  /** It may be told twice that a connection is gone, the second time when there is a new one. */
  private lost(client: Client): void {
    drop(client);
    if (this.connected !== client) return;
    this.connected = undefined;
    this.listener = undefined;
    // What was told meanwhile was told to nobody.
    if (this.list.size > 0 && !this.closed) void this.look();
  }

  private async look(): Promise<void> {
    void this.listen();
    try {
      const known = this.head;
      const text = `select coalesce(max(position), 0) from ${this.database.schema}.events`;
      const [row] = await this.database.read<[string]>({ text });
      const head = Number(row![0]);
      // Nobody told us: is there still somebody at the other end of the line?
      if (head > this.head && this.connected) this.saying ??= outside(() => this.probe());
      // The head of a log that was restored or has lost events goes back; what comes then is news. An answer that is overtaken is none.
      if (head > this.head || (head < this.head && this.head === known)) this.arrived(head);
    } catch {
      // a wake-up is a hint
    }
  }

  private async probe(): Promise<void> {
    await this.say({ text: this.listenSql });
    await this.tellAll();
  }

  private get notifies(): boolean {
    return this.options.notify && this.database.canListen;
  }

  private get listenSql(): string {
    return `listen "${this.channel}"`;
  }

  /** One for each schema of a database. The name of a schema may be too long for one of a channel, or unfit. */
  private get channel(): string {
    return `backstory_${createHash('md5').update(this.database.schema).digest('hex')}`;
  }
}

const EVERY_MS = 5;
