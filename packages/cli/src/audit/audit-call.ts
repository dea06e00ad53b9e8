import fs from 'node:fs';
import path from 'node:path';
import { AuditFolder } from '@backstory/audit';
import type { EventStore, OpenStorage } from '@backstory/core';
import { KeyRing, UnusableKey, readHead, type SigningKey, type TreeHead } from '@backstory/proof';
import type { ReplaySource } from '@backstory/replay';
import { readPrivateKey } from '@backstory/proof/seal';
import { InvalidConfiguration, UsageError } from '../errors.js';
import { configFile } from '../config.js';
import { applicationFor, storageFor } from '../open.js';
import { writeNew } from '../part-file.js';
import { unreadableFile } from '../unreadable-file.js';
import type { VerbCall } from '../verb.js';
import type { AuditOptions } from './audit-options.js';

/** One use of `audit`, with where its paths lead. */
export class AuditCall {
  /** The folder of the configuration, once it is loaded; paths that nobody gave are relative to it. */
  private base: string;
  readonly options: AuditOptions & VerbCall['options'];

  constructor(readonly call: VerbCall) {
    this.options = call.options;
    this.base = call.io.cwd;
  }

  /** What stands after the action. @throws UsageError */
  subject(what: string): string {
    const [action, subject] = this.call.arguments as [string, string?];
    if (subject === undefined)
      throw new UsageError(
        'missing-argument',
        `Give ${what}: backstory audit ${action} <${what}>. See backstory audit ${action} --help.`,
      );
    return subject;
  }

  get signal(): { readonly signal?: AbortSignal } {
    const { signal } = this.call.io;
    return signal ? { signal } : {};
  }

  /** A path that was given. */
  readonly file = (given: string): string => path.resolve(this.call.io.cwd, given);

  /** The audit folder. Known once the log is open, where the configuration says where that is. */
  get folder(): AuditFolder {
    const { dir } = this.options;
    return new AuditFolder(dir === undefined ? path.resolve(this.base, 'audit') : this.file(dir));
  }

  /** @throws UsageError, UnusableKey */
  signingKey(): SigningKey {
    const given = this.options.key ?? this.call.io.env['BACKSTORY_AUDIT_KEY'];
    if (given === undefined)
      throw new UsageError(
        'no-key',
        'Give the private key that signs, with --key or in BACKSTORY_AUDIT_KEY; "backstory audit keys create" makes one.',
      );
    const pem = this.textOf(given);
    try {
      return readPrivateKey(pem, this.passphrase);
    } catch (error) {
      if (!(error instanceof UnusableKey)) throw error;
      throw new UnusableKey(`${given}: ${error.message}`, { cause: error });
    }
  }

  /** Of private keys that are read and made. */
  get passphrase(): string | undefined {
    return this.call.io.env['BACKSTORY_AUDIT_PASSPHRASE'] || undefined;
  }

  /** The ring that is believed: the one given, else the folder's. @throws UsageError */
  async ring(): Promise<KeyRing> {
    const { keys } = this.options;
    if (keys === undefined) return this.folder.keys();
    const text = this.textOf(keys);
    try {
      return KeyRing.read(text);
    } catch (cause) {
      throw new UsageError('invalid-keys', `${keys} is no key ring: ${(cause as Error).message}`);
    }
  }

  /** A head that was kept. @throws UsageError */
  anchor(given: string): TreeHead {
    const text = this.textOf(given);
    try {
      return readHead(text);
    } catch (cause) {
      throw new UsageError(
        'invalid-anchor',
        `${given} is no head that was kept: ${(cause as Error).message}`,
      );
    }
  }

  /** @throws UsageError */
  textOf(given: string): string {
    return this.bytesOf(given).toString();
  }

  /** @throws UsageError */
  bytesOf(given: string): Buffer {
    try {
      return fs.readFileSync(this.file(given));
    } catch (cause) {
      throw unreadableFile(given, cause);
    }
  }

  /** Writes a new file that was asked for. @throws UsageError */
  async write(given: string, texts: AsyncIterable<string> | Iterable<string>): Promise<string> {
    const file = this.file(given);
    await writeNew(file, texts);
    return file;
  }

  /** Finds the audit folder where no log is opened: beside the configuration, if there is one. */
  locate(): void {
    const { config, store } = this.options;
    if (store !== undefined || this.call.io.definition) return;
    try {
      this.base = path.dirname(configFile(this.call.io.cwd, config));
    } catch (error) {
      const none = error instanceof InvalidConfiguration && error.problem === 'missing';
      if (!none || config !== undefined) throw error;
    }
  }

  /** Opens the log for reading, works, and closes it. */
  async withLog<T>(work: (log: EventStore) => Promise<T>): Promise<T> {
    return this.withStorage({ readOnly: true }, ({ events }) => work(events));
  }

  /** Opens the log for reading, with the application's aggregates; without a configuration what events did is not known. */
  async withSource<T>(work: (source: ReplaySource) => Promise<T>): Promise<T> {
    const application = await applicationFor(this.located());
    return this.withLog((events) => work({ events, aggregates: application?.aggregates ?? [] }));
  }

  /** Opens the log to record a seal in it. One that is not there is not made. */
  async withStorage<T>(
    { readOnly }: { readonly readOnly: boolean },
    work: (storage: OpenStorage) => Promise<T>,
  ): Promise<T> {
    const storage = await storageFor(this.located());
    if (!readOnly) await (await storage.open({ readOnly: true })).close();
    const opened = await storage.open({ readOnly });
    try {
      return await work(opened);
    } finally {
      await opened.close();
    }
  }

  /** The same call, which notices where the configuration is. */
  located(): VerbCall {
    const { io } = this.call;
    const enterFolder = (folder: string) => {
      this.base = folder;
      io.enterFolder?.(folder);
    };
    return { ...this.call, io: { ...io, enterFolder } };
  }
}
