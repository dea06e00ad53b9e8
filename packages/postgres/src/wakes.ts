import { WakeList, outside, type Unsubscribe } from '@backstory/core/store';
import type { Client } from 'pg';
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
  private poll: NodeJS.Timeout | undefined;
  private untold = false;
  private telling: Promise<void> | undefined;
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
    this.arrived(head);
    if (!this.notifies) return;
    this.untold = true;
    this.telling ??= outside(() => this.tellAll());
  }

  async close(): Promise<void> {
    this.stopLooking();
    await this.telling;
    this.closed = true;
    const client = await this.listener;
    if (client) await client.end().catch(() => undefined);
  }

  private arrived(head: number): void {
    this.head = Math.max(this.head, head);
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
      await this.tell();
    }
    this.telling = undefined;
  }

  private async tell(): Promise<void> {
    this.untold = false;
    const client = await this.listen();
    await client?.query('select pg_notify($1, $2)', [this.channel, String(this.head)]).catch(() => undefined);
  }

  /** The connection that listens; `undefined` where there is none for now, which the next call tries to change. */
  private listen(): Promise<Client | undefined> {
    if (!this.notifies || this.closed) return Promise.resolve(undefined);
    return (this.listener ??= this.connect());
  }

  private async connect(): Promise<Client | undefined> {
    try {
      const client = await this.database.connect({ past: true });
      client.once('end', () => this.lost(client));
      client.on('notification', ({ payload }) => this.heard(Number(payload)));
      await client.query(`listen "${this.channel}"`);
      return client;
    } catch {
      // followers look by themselves, and they report what is wrong
      this.listener = undefined;
      return undefined;
    }
  }

  private heard(head: number): void {
    if (head > this.head) this.arrived(head);
  }

  private lost(client: Client): void {
    this.listener = undefined;
    drop(client);
    // What was told meanwhile was told to nobody.
    if (this.list.size > 0 && !this.closed) void this.look();
  }

  private async look(): Promise<void> {
    void this.listen();
    try {
      const text = `select coalesce(max(position), 0) from ${this.database.schema}.events`;
      const [row] = await this.database.read<[string]>({ text });
      this.heard(Number(row![0]));
    } catch {
      // a wake-up is a hint
    }
  }

  private get notifies(): boolean {
    return this.options.notify && this.database.canListen;
  }

  /** One for each schema of a database; names of channels are short. */
  private get channel(): string {
    return `backstory ${this.database.schema.slice(1, -1)}`.replaceAll('"', '').slice(0, 60);
  }
}

const EVERY_MS = 5;
