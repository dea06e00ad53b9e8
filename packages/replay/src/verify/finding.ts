import type { StoredEvent } from '@backstory/core';

/** What can be wrong with a log and what is kept beside it. */
export type LogFault =
  | 'version-gap'
  | 'missing-cause'
  | 'later-cause'
  | 'clock-back'
  | 'clock-ahead'
  | 'unknown-type'
  | 'newer-type'
  | 'type-name'
  | 'done-twice'
  | 'snapshot'
  | 'subscription'
  | 'no-outcome'
  | 'projection';

/** Where something was found, as far as it is a place in the log. */
export interface FaultPlace {
  readonly stream: string;
  readonly version: number;
  readonly position?: number;
  readonly id?: string;
}

/** Things that are wrong in the same way with the same subject. */
export interface LogFinding {
  readonly kind: LogFault;
  /** The stream, the type, the application, the subscription or the projection. */
  readonly subject: string;
  readonly what: string;
  /** What to do about it. */
  readonly todo: string;
  /** In how many places. */
  readonly count: number;
  /** The first of them. */
  readonly examples: readonly FaultPlace[];
}

/** What was not looked at, and why not. */
export interface NotChecked {
  readonly check: string;
  readonly why: string;
}

const EXAMPLES = 5;
/** As many groups of one kind are told apart; more are one group. */
const SUBJECTS = 100;

/** Findings as they come, those that are alike together; as many as there are take no more memory than these. */
export class Findings {
  private readonly groups = new Map<string, LogFinding & { count: number; examples: FaultPlace[] }>();
  private readonly subjects = new Map<LogFault, number>();

  add(kind: LogFault, finding: Pick<LogFinding, 'subject' | 'what' | 'todo'>, place?: FaultPlace): void {
    const group = this.groupOf(kind, finding);
    group.count++;
    if (place && group.examples.length < EXAMPLES) group.examples.push(place);
  }

  all(): readonly LogFinding[] {
    return [...this.groups.values()];
  }

  private groupOf(kind: LogFault, finding: Pick<LogFinding, 'subject' | 'what' | 'todo'>) {
    const key = `${kind}\n${finding.subject}`;
    const known = this.groups.get(key) ?? this.groups.get(`${kind}\n`);
    if (known) return known;
    const subjects = (this.subjects.get(kind) ?? 0) + 1;
    this.subjects.set(kind, subjects);
    const isTooMany = subjects > SUBJECTS;
    const made = { kind, ...finding, ...(isTooMany && { subject: 'others' }), count: 0, examples: [] };
    this.groups.set(isTooMany ? `${kind}\n` : key, made);
    return made;
  }
}

/** The place of an event. */
export function placeOf({ stream, version, position, id }: StoredEvent): FaultPlace {
  return { stream, version, position, id };
}
