import type { Commands } from './commands.js';
import type { CommandIo } from './io.js';
import type { Naming } from './named-option.js';
import type { Report } from './report.js';

/** What the command can do: one verb, one small file. */
export interface Verb {
  readonly arguments?: readonly VerbArgument[];
  readonly options?: readonly VerbOption[];
  /** Command lines with what they show, for the help. */
  readonly examples: readonly (readonly [line: string, shows: string])[];
  /** What the help says beyond arguments, options and examples. */
  readonly notes?: string;
  /** Of a verb that does several things: the help of each, by its first argument. */
  readonly actions?: Readonly<Record<string, VerbAction>>;
  /** Its output may be longer than a screen, and is then shown with a pager. */
  readonly paged?: boolean;
  /** `'finding'` ends the command with exit code 1: it was carried out, and found what should not be so, or nothing. */
  run(call: VerbCall): Promise<void | 'finding'>;
}

/** One of several things that a verb does. */
export interface VerbAction extends Pick<Verb, 'options' | 'examples' | 'notes'> {
  /** As it is typed, after the verb. */
  readonly usage: string;
  readonly does: string;
}

export interface VerbArgument {
  readonly name: string;
  readonly description: string;
  readonly parse?: (text: string) => unknown;
  /** The values it may have. */
  readonly choices?: readonly string[];
  /** What it names, for shells to complete. */
  readonly names?: Naming;
}

export interface VerbOption {
  /** `--limit <n>` */
  readonly flags: string;
  readonly description: string;
  readonly parse?: (text: string) => unknown;
  /** May be given several times; its value is a list. */
  readonly repeatable?: boolean;
  /** What its value names, for shells to complete. */
  readonly names?: Naming;
}

/** One use of a verb. */
export interface VerbCall {
  readonly verb: string;
  readonly arguments: readonly unknown[];
  readonly options: Readonly<Record<string, unknown>> & CommonOptions;
  readonly io: CommandIo;
  readonly report: Report;
  readonly commands: Commands;
}

/** Options that every verb has. */
export interface CommonOptions {
  readonly config?: string;
  readonly store?: string;
  readonly json?: boolean;
  readonly debug?: boolean;
  /** `false`: `--no-pager`. */
  readonly pager?: boolean;
}
