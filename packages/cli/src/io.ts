import type { Definition } from './definition.js';

/** A place to write to: `process.stdout`, or a collecting stream in a test. */
export interface OutputStream extends NodeJS.WritableStream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

/** Where a person types: `process.stdin`. */
export interface InputStream extends NodeJS.ReadableStream {
  readonly isTTY?: boolean | undefined;
  /** Gives every key at once, and to nobody else. */
  setRawMode?(isRaw: boolean): unknown;
}

/** A place to write long output to. */
export interface PagerStream extends OutputStream {
  /** It has the terminal to itself. */
  readonly isOpen: boolean;
  /** Waits until the reader has seen enough. */
  close(): Promise<void>;
}

/** Everything a command touches of the process it runs in. */
export interface CommandIo {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Where what is interactive reads; nothing else asks for it. */
  readonly stdin?: () => InputStream;
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where verbs with long output write it instead, on a terminal. */
  readonly pager?: PagerStream | undefined;
  /** Ends `tail`, and interrupts everything else. */
  readonly signal?: AbortSignal;
  /** Rejects when something fails that the command does not wait for; it then ends with that. */
  readonly failed?: Promise<never>;
  /** An application that is already loaded, in place of a configuration file. */
  readonly definition?: Definition;
  /** Lets other processes of the machine go first; for long work beside a running application. */
  readonly yieldToOthers?: () => void;
  /** Goes to the folder of the configuration, to which the paths in it are relative. */
  readonly enterFolder?: (folder: string) => void;
}
