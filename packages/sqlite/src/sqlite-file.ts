import { AsyncLocalStorage } from 'node:async_hooks';
import { StoreUnusable } from '@backstory/core';
import { Mutex, StoreClosed } from '@backstory/core/store';
import { InsideTransaction, TransactionTimedOut } from '@backstory/core/state';
import { storeError } from './failures.js';
import type { FileAccess } from './open-file.js';
import { Pace } from './pace.js';
import { patiently } from './patiently.js';
import { SealBroken } from './seal.js';
import type { Session } from './session.js';
import { Slots } from './slots.js';

/** How the connections to a file are set up. */
export interface FileOptions {
  readonly store: string;
  readonly lockTimeoutMs: number;
  readonly transactionTimeoutMs: number;
  readonly synchronous: 'full' | 'normal';
}

/**
 * The connections of one process to one file: one that writes, behind a mutex, and others that only read, because a
 * read on the writer's connection would see what is not committed.
 */
export class SqliteFile {
  readonly store: string;
  private readonly writing = new Mutex();
  private reader: Session;
  private readonly writer: Session | undefined;
  private readonly idle: Session[] = [];
  private readonly views = new Slots(VIEWS);
  /** Set inside the work of a view. */
  private readonly viewing = new AsyncLocalStorage<true>();
  /** Drivers answer at once: work in a row would otherwise let nothing else run until it is done. */
  private readonly pace = new Pace();
  private users = 0;
  private closed = false;
  /** Set inside the work of a transaction, while it runs. */
  private readonly inside = new AsyncLocalStorage<{ running: boolean }>();

  /** @throws StoreUnusable, StoreUnavailable */
  static async connect(access: FileAccess, options: FileOptions): Promise<SqliteFile> {
    try {
      return await patiently(() => new SqliteFile(access, options), options);
    } catch (error) {
      access.release();
      throw storeError(error, options.store);
    }
  }

  private constructor(
    private readonly access: FileAccess,
    private readonly options: FileOptions,
  ) {
    this.store = options.store;
    this.reader = this.connectReader();
    try {
      this.writer = access.readOnly ? undefined : this.connect(`synchronous = ${options.synchronous}`);
    } catch (error) {
      this.reader.close();
      throw error;
    }
  }

  /** Runs statements that read, each seeing everything that is committed. They are finished when it returns. */
  async read<T>(work: (session: Session) => T): Promise<T> {
    await this.pace.breathe();
    return this.attempt(() => {
      for (;;) {
        this.checkOpen();
        try {
          return work(this.reader);
        } catch (error) {
          if (!(error instanceof SealBroken)) throw error;
          const reader = this.connectReader();
          this.reader.close();
          this.reader = reader;
        }
      }
    });
  }

  /** @throws StoreUnusable where the file is not in its place any more */
  checkPlace(): void {
    this.access.place.check();
  }

  /** Runs `work` on one snapshot of the file, on a connection of its own. */
  async snapshot<T>(work: (session: Session) => Promise<T>): Promise<T> {
    // A view inside a view does not wait: those who hold all the places may be waiting for it.
    if (this.viewing.getStore()) return this.view(work);
    await this.views.take();
    try {
      return await this.viewing.run(true, () => this.view(work));
    } finally {
      this.views.giveBack();
    }
  }

  private async view<T>(work: (session: Session) => Promise<T>): Promise<T> {
    await this.pace.breathe();
    const session = await this.attempt(() => this.takeSnapshot());
    try {
      return await work(session);
    } catch (error) {
      throw storeError(error, this.store);
    } finally {
      session.rollBack();
      if (this.idle.length < 4 && !this.closed) this.idle.push(session);
      else session.close();
    }
  }

  /**
   * Runs `work` alone in a transaction that commits when it is done and rolls back when it throws. It is told how long other
   * processes kept the file locked. `isUrgent`: before everything else that waits.
   */
  write<T>(
    work: (session: Session, lockWaitMs: number) => T | Promise<T>,
    urgency: { readonly isUrgent?: boolean } = {},
  ): Promise<T> {
    const { writer } = this;
    if (writer === undefined) {
      const message = 'it is open read-only. Open it without readOnly to write.';
      return Promise.reject(new StoreUnusable(this.store, 'read-only', message));
    }
    return this.writing.run(async () => {
      this.checkOpen();
      await this.pace.breathe();
      const began = performance.now();
      await this.attempt(() => writer.exec('BEGIN IMMEDIATE'));
      try {
        const result = await work(writer, performance.now() - began);
        this.checkPlace();
        writer.exec('COMMIT');
        return result;
      } catch (error) {
        writer.rollBack();
        throw storeError(error, this.store);
      }
    }, urgency);
  }

  /**
   * A transaction around work of somebody else's, which may take its time but not for ever. Work that comes too late
   * must not touch the session any more: `isRunning` tells.
   */
  writeAround<T>(work: (session: Session, isRunning: () => boolean) => Promise<T>): Promise<T> {
    return this.write(async (session) => {
      const scope = { running: true };
      const timeoutMs = this.options.transactionTimeoutMs;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new TransactionTimedOut(this.store, timeoutMs)), timeoutMs);
      });
      try {
        return await Promise.race([this.inside.run(scope, () => work(session, () => scope.running)), late]);
      } finally {
        clearTimeout(timer);
        scope.running = false;
      }
    });
  }

  /** @throws InsideTransaction where waiting for the writer would be waiting for oneself */
  refuseInside(operation: string): void {
    if (this.inside.getStore()?.running) throw new InsideTransaction(this.store, operation);
  }

  /** Counts another one who uses the file, and will release it. */
  retain(): this {
    this.users++;
    return this;
  }

  /** The last one waits for transactions under way, then lets go of the file. */
  async release(): Promise<void> {
    await this.writing.run(async () => {
      if (--this.users > 0) return;
      this.closed = true;
      // Some connections may outlive this call until their statements are collected, so the log is moved here and now.
      if (this.writer) moveLog(this.writer);
      for (const session of [...this.idle.splice(0), this.reader, this.writer]) session?.close();
      this.access.release();
    });
  }

  private connectReader(): Session {
    return this.connect('query_only = 1');
  }

  private connect(pragma: string): Session {
    const session = this.access.connect();
    try {
      for (const setting of [...SETTINGS, pragma]) session.exec(`PRAGMA ${setting}`);
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** A transaction takes its snapshot with its first read. */
  private takeSnapshot(): Session {
    for (;;) {
      this.checkOpen();
      const session = this.idle.pop() ?? this.connectReader();
      try {
        session.exec('BEGIN');
        session.first('SELECT one FROM meta');
        return session;
      } catch (error) {
        session.rollBack();
        session.close();
        if (!(error instanceof SealBroken)) throw error;
      }
    }
  }

  private checkOpen(): void {
    if (this.closed) throw new StoreClosed(this.store);
  }

  private async attempt<T>(work: () => T): Promise<T> {
    try {
      return await patiently(work, this.options);
    } catch (error) {
      throw storeError(error, this.store);
    }
  }
}

/** Views at the same time, each with a connection of its own: files that a process may open are few. */
const VIEWS = 16;

/**
 * SQLite may wait for a lock for a moment only, since that stops the whole process. The log moves into the file every
 * 8 MB: pages that many commits change are then written there once. Journals of statements stay in memory.
 */
const SETTINGS = [
  'busy_timeout = 2',
  'wal_autocheckpoint = 2000',
  'journal_size_limit = 67108864',
  'cache_size = -16000',
  'temp_store = MEMORY',
];

/** Moves what is in the write-ahead log into the file. A reader at work, here or elsewhere, may keep a part of it back. */
function moveLog(writer: Session): void {
  try {
    writer.all('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch {
    // nothing depends on it: whoever opens the file next reads the log
  }
}
