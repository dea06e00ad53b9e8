import { InvalidOption } from '@backstory/core/store';
import type { Verdict } from './verdict.js';

/** How bad an alert is: the first is the least. */
export const SEVERITIES = ['info', 'warning', 'critical'] as const;
/** How bad an alert is. */
export type Severity = (typeof SEVERITIES)[number];

/**
 * How bad a breach is: always the same, by its size – `{ warning: 0.05, critical: 0.2 }` says from which on, the least of them holds below
 * that – or as a function says.
 */
export type SeverityChoice =
  Severity | Readonly<Partial<Record<Severity, number>>> | ((verdict: Verdict) => Severity);

export function severityOf(choice: SeverityChoice, verdict: Verdict): Severity {
  if (typeof choice === 'string') return choice;
  if (typeof choice === 'function') return choice(verdict);
  const { size, isBelow = false } = verdict;
  const given = SEVERITIES.filter((it) => choice[it] !== undefined);
  const reached = given.filter((it) => (isBelow ? size <= choice[it]! : size >= choice[it]!));
  return reached.at(-1) ?? given[0]!;
}

export function isWorse(a: Severity, b: Severity): boolean {
  return SEVERITIES.indexOf(a) > SEVERITIES.indexOf(b);
}

/** The next, or the worst there is. */
export function worseThan(severity: Severity): Severity {
  return SEVERITIES[SEVERITIES.indexOf(severity) + 1] ?? severity;
}

/** @throws InvalidOption */
export function checkedSeverity(choice: SeverityChoice): SeverityChoice {
  if (typeof choice === 'function') return choice;
  const given: readonly string[] = typeof choice === 'string' ? [choice] : Object.keys(choice);
  const isKnown = given.every((it) => (SEVERITIES as readonly string[]).includes(it));
  if (isKnown && given.length > 0) return choice;
  throw new InvalidOption(
    'severity',
    `is one of ${SEVERITIES.join(', ')}, from which size on which of them holds, or a function.`,
  );
}
