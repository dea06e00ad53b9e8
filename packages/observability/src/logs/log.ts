import { context, trace, type SpanContext } from '@opentelemetry/api';
import { SeverityNumber, logs as otelLogs, type AnyValueMap } from '@opentelemetry/api-logs';
import { pino, type Logger as Pino } from 'pino';
import { Context } from '@backstory/core';
import { SCOPE } from '../metrics/measurement-producer.js';
import { callerOf } from './caller.js';
import type { LogLevel, LogSettings } from './log-settings.js';
import { Outputs } from './outputs.js';

/**
 * Fields of a line of the log, by their names. An `Error` is written as its type and message; those called `level`, `timestamp`,
 * `service` and `msg`, as every line has them, as `field_level` and so on.
 */
export type LogFields = Readonly<Record<string, unknown>>;

/** Writes lines of the log, each with the flow and the trace that are active. Never throws. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** One whose lines have these fields as well. */
  child(fields: LogFields): Logger;
}

/** The log of an application: pino before outputs that are opened by `start`. Until then, and after `close`, nothing is written. */
export class Log {
  readonly logger: Logger;
  private readonly pino: Pino;
  private readonly outputs: Outputs;

  constructor(
    readonly settings: LogSettings,
    service: string,
    private readonly dropped: (lines: number) => void,
  ) {
    this.outputs = new Outputs(settings, dropped);
    const options = {
      level: settings.level,
      base: { service },
      timestamp: () => `,"timestamp":"${new Date().toISOString()}"`,
      formatters: { level: (level: string) => ({ level }) },
    };
    this.pino = pino(options, { write: (line: string) => this.outputs.write(line) });
    this.logger = this.loggerOf({});
  }

  start(): void {
    if (this.settings.enabled) this.outputs.start();
  }

  /** After files were renamed: the next lines go to new ones. */
  reopen(): Promise<void> {
    return this.outputs.reopen();
  }

  /** Writes what is left. */
  close(): Promise<void> {
    return this.outputs.close();
  }

  /** Whether a line of this level would be written. */
  takes(level: LogLevel): boolean {
    return this.outputs.isOpen && this.pino.isLevelEnabled(level);
  }

  /** Writes a line with these fields, and those of the flow and the trace that are active where it does not say its own. */
  write(level: LogLevel, message: string, fields: LogFields, own: LogFields = {}): void {
    if (!this.takes(level)) return;
    try {
      const said = renamed({ ...surroundings(), ...own, ...this.readable(fields) });
      this.pino[level](said, message);
      emit(level, message, said);
    } catch {
      this.dropped(1);
    }
  }

  private loggerOf(own: LogFields): Logger {
    const at = (level: LogLevel) => {
      const write = (message: string, fields: LogFields = {}): void => {
        if (!this.takes(level)) return;
        const caller = this.settings.caller && { caller: callerOf(write) };
        this.write(level, message, fields, caller ? { ...caller, ...own } : own);
      };
      return write;
    };
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      child: (fields) => this.loggerOf({ ...own, ...fields }),
    };
  }

  /** Errors say nothing as JSON. */
  private readable(fields: LogFields): LogFields {
    const error = Object.entries(fields).find(([, value]) => value instanceof Error) as
      [string, Error] | undefined;
    if (!error) return fields;
    const [name, { name: type, message, stack }] = error;
    return {
      ...fields,
      [name]: message,
      error_type: fields['error_type'] ?? type,
      ...(this.settings.stackTrace && stack !== undefined && { stack }),
    };
  }
}

/** Beside what every line has, nothing may have its name. */
function renamed(fields: LogFields): LogFields {
  if (!OF_EVERY_LINE.some((name) => name in fields)) return fields;
  const named = (name: string) => (OF_EVERY_LINE.includes(name) ? `field_${name}` : name);
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [named(name), value]));
}

const OF_EVERY_LINE: readonly string[] = ['level', 'timestamp', 'service', 'msg'];

/** The flow and the trace that are active. */
function surroundings(): LogFields {
  const { correlationId, causationId } = Context.current().fields;
  const span = trace.getSpanContext(context.active());
  return {
    ...(correlationId !== undefined && { correlation_id: correlationId }),
    ...(causationId !== undefined && { causation_id: causationId }),
    ...(span && spanFields(span)),
  };
}

/** A span as lines of the log name it. */
export function spanFields({ traceId, spanId }: Pick<SpanContext, 'traceId' | 'spanId'>): LogFields {
  return { trace_id: traceId, span_id: spanId };
}

/** As a log record of OpenTelemetry, which goes nowhere where no SDK is registered. */
function emit(level: LogLevel, body: string, fields: LogFields): void {
  const { log_type: eventName, ...attributes } = fields;
  otelLogs.getLogger(SCOPE).emit({
    severityNumber: SEVERITY[level],
    severityText: level,
    body,
    attributes: attributes as AnyValueMap,
    ...(typeof eventName === 'string' && { eventName }),
  });
}

const SEVERITY: Readonly<Record<LogLevel, SeverityNumber>> = {
  debug: SeverityNumber.DEBUG,
  info: SeverityNumber.INFO,
  warn: SeverityNumber.WARN,
  error: SeverityNumber.ERROR,
};
