/** What the command says of an error, and the exit code that goes with it. */
export interface Failure {
  readonly exitCode: number;
  readonly code: string;
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/**
 * | exit code | means |
 * |---|---|
 * | 0 | fine |
 * | 1 | a finding: there is no such stream, subscription, projection … as was asked for, or the code cannot fold what there is |
 * | 2 | usage: the command line means nothing |
 * | 3 | store or configuration: there was nothing to look at, or no way to read it |
 * | 70 | a defect of Backstory |
 * | 130 | interrupted |
 */
const EXIT_CODES: Readonly<Record<string, number>> = {
  BACKSTORY_STREAM_NOT_FOUND: 1,
  BACKSTORY_FLOW_NOT_FOUND: 1,
  BACKSTORY_NO_SUCH_PATH: 1,
  BACKSTORY_NEVER_IN_DOCUMENT: 1,
  BACKSTORY_EVENT_NOT_IN_FLOW: 1,
  BACKSTORY_EVENT_NOT_FOUND: 1,
  BACKSTORY_AGGREGATE_NOT_FOUND: 1,
  BACKSTORY_SUBSCRIPTION_NOT_FOUND: 1,
  BACKSTORY_PROJECTION_NOT_FOUND: 1,
  BACKSTORY_KEY_NOT_PARKED: 1,
  BACKSTORY_SCHEDULE_NOT_FOUND: 1,
  BACKSTORY_SCHEDULE_UNDER_WAY: 1,
  BACKSTORY_SCHEDULE_NOT_TRIED: 1,
  BACKSTORY_NEVER_HOLDS: 1,
  BACKSTORY_VERSION_OUT_OF_RANGE: 1,
  BACKSTORY_POSITION_OUT_OF_RANGE: 1,
  BACKSTORY_UNKNOWN_EVENT_TYPE: 1,
  BACKSTORY_UPCAST_FAILED: 1,
  BACKSTORY_UNREADABLE_EVENT: 1,
  BACKSTORY_UNREADABLE_STATE: 1,
  BACKSTORY_FOLD_FAILED: 1,
  BACKSTORY_ASYNC_FOLD: 1,
  BACKSTORY_RAISE_IN_FOLD: 1,
  BACKSTORY_AUDIT_FINDINGS: 1,
  BACKSTORY_INVALID_PROOF: 1,
  BACKSTORY_INVALID_HEAD: 1,
  BACKSTORY_INVALID_KEY_RING: 1,
  BACKSTORY_NOT_PROVABLE: 1,
  BACKSTORY_SEAL_DIVERGED: 1,
  BACKSTORY_AUDIT_FILE_DAMAGED: 1,
  BACKSTORY_USAGE: 2,
  BACKSTORY_INVALID_EXPRESSION: 2,
  BACKSTORY_INVALID_FILTER: 2,
  BACKSTORY_INVALID_QUERY: 2,
  BACKSTORY_INTERRUPTED: 130,
};

/** Reads an error. Known by its code rather than its class: it may come from another copy of a package. */
export function failureOf(error: unknown): Failure {
  const { code, message, facts } = (error ?? {}) as {
    code?: unknown;
    message?: unknown;
    facts?: Failure['facts'];
  };
  if (typeof code === 'string' && code.startsWith('BACKSTORY_')) {
    return { exitCode: EXIT_CODES[code] ?? 3, code, message: String(message), facts: facts ?? {} };
  }
  const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const advice =
    'This is a defect of Backstory: run the command again with --debug and report what it prints.';
  return { exitCode: 70, code: 'BACKSTORY_DEFECT', message: `Unexpected ${what}. ${advice}`, facts: {} };
}
