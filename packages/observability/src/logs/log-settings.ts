import { InvalidOption, knownOptions, numberOption, type OptionNames } from '@backstory/core/store';
import { oneOf } from '../one-of.js';
import type { LogOutput } from './log-output.js';

/** From the least to the most important. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What is written to the log, and where. */
export interface LogOptions {
  /** Default `true`. */
  readonly enabled?: boolean;
  /**
   * `debug`: a line for each step of each event; `info`: those of flows that are traced, batches and what fails. Default `info`.
   */
  readonly level?: LogLevel;
  /** `json`: a line is an object; `console`: for eyes. Default: `json` in production, else `console`. */
  readonly encoding?: 'json' | 'console';
  /** `stdout`, `stderr`, paths of files, or outputs of your own. Default `stdout`. */
  readonly outputs?: readonly (string | LogOutput)[];
  /** Errors are written with their stack. Default: not in production. */
  readonly stackTrace?: boolean;
  /** Own lines say where they are written, `file:line`. It costs microseconds for each. Default `false`. */
  readonly caller?: boolean;
  /** Lines are written together, after so many milliseconds at most. Default 200. */
  readonly flushEveryMs?: number;
  /** So much of the log, in characters, waits for an output; what is more is dropped and counted. Default 1,048,576. */
  readonly maxBuffered?: number;
  /** Files are opened anew when the process gets SIGHUP, as logrotate sends it. Default `true`, where there are files. */
  readonly reopenOnHangup?: boolean;
}

export type LogSettings = Required<LogOptions>;

/** @throws InvalidOption */
export function logSettings(options: LogOptions, isProduction: boolean): LogSettings {
  const given = knownOptions(options, OPTIONS);
  const outputs = given.outputs ?? ['stdout'];
  for (const it of outputs)
    if (it === '' || (typeof it !== 'string' && typeof it?.write !== 'function'))
      throw new InvalidOption('logs.outputs', 'are stdout, stderr, paths of files, or objects that write.');
  return {
    enabled: given.enabled ?? true,
    level: oneOf('logs.level', given.level ?? 'info', ['debug', 'info', 'warn', 'error']),
    encoding: oneOf('logs.encoding', given.encoding ?? (isProduction ? 'json' : 'console'), [
      'json',
      'console',
    ]),
    outputs,
    stackTrace: given.stackTrace ?? !isProduction,
    caller: given.caller ?? false,
    flushEveryMs: numberOption('logs.flushEveryMs', given.flushEveryMs ?? 200, 0, 60_000),
    maxBuffered: numberOption('logs.maxBuffered', given.maxBuffered ?? 1_048_576, 1_000, 2 ** 30),
    reopenOnHangup: given.reopenOnHangup ?? outputs.some(isFile),
  };
}

/** Whether an output is named by its path. */
export function isFile(output: string | LogOutput): boolean {
  return typeof output === 'string' && output !== 'stdout' && output !== 'stderr';
}

const OPTIONS: OptionNames<LogOptions> = {
  enabled: true,
  level: true,
  encoding: true,
  outputs: true,
  stackTrace: true,
  caller: true,
  flushEveryMs: true,
  maxBuffered: true,
  reopenOnHangup: true,
};
