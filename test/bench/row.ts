import type { DriverName } from '@backstory/sqlite';
import type { PostgresServer } from '../support/postgres-server.js';

/** One line of the benchmark: something Backstory does, against the same thing done with the bare driver by hand. */
export interface Row {
  /** `store.what`; also the name of its file. */
  readonly name: string;
  /** What is counted: figures are in this a second. */
  readonly unit: string;
  /** The least share of the bare side's speed that ours must have; `null` where none was promised. */
  readonly target: number | null;
  /** What else was promised, at scale 1 and on two cores: of our own speed under `unit`, or of what {@link Side.also} tells under its name. */
  readonly promised?: Promised;
  /** What each side does, in a sentence. */
  readonly ours: string;
  readonly bare: string;
  prepare(setting: Setting): Promise<Contest>;
}

/** Figures by their names, and what each is to be at least or at most. */
export type Promised = Readonly<Record<string, { readonly atLeast: number } | { readonly atMost: number }>>;

/** Where and how a row is run. */
export interface Setting {
  /** A folder of its own, gone afterwards. */
  readonly folder: string;
  /** What opens SQLite files. */
  readonly driver: DriverName;
  /** A durable PostgreSQL server, the same one for every row. */
  server(): Promise<PostgresServer>;
  /** 1: rounds long enough to be measured. Less: less work, to see that it works. */
  readonly scale: number;
}

/** Both sides of a row, ready to run. */
export interface Contest {
  /** How many units one round of either side does. */
  readonly amount: number;
  /** What the proof of every round must say, of either side. */
  readonly expected: string;
  readonly ours: Side;
  readonly bare: Side;
  /** The tables and indexes that both sides have, and the settings that make them durable. */
  readonly ddl?: string;
  close(): Promise<void>;
}

/** One side of a row. Only `run` is timed, unless it says itself what counts. */
export interface Side {
  /** Makes what the next round needs. */
  before?(): void | Promise<void>;
  run(): void | Promise<void>;
  /** The seconds that count, where they are not those that `run` took. */
  took?(): number;
  /** What its proof must say, where that is more than the contest expects of either. */
  readonly expected?: string;
  /** Looks what the last round has really done, and forgets it. */
  proof(): string | Promise<string>;
  /** Other figures of the last round that are worth telling, such as how long the slowest waited. */
  also?(): Readonly<Record<string, number>>;
}
