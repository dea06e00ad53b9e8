import type { EventStore } from './event-store.js';

/** The category of the streams on which alerts are recorded: `_alerts-<rule>`. */
export const ALERTS = '_alerts';

/** What became of an alert; `alert.raised` … are the events that say so. */
export type AlertStep = 'raised' | 'suppressed' | 'escalated' | 'resolved';

/** What is said when an alert is raised, suppressed, escalated or resolved: the data of that event. */
export interface AlertNote {
  /** The rule or detector. */
  readonly alert: string;
  /** A detector's is an anomaly. */
  readonly kind: 'alert' | 'anomaly';
  /** Which of the values of the rule: `{ handler: 'billing.bill' }`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly severity: string;
  readonly value: number;
  /** In words, with the limit. */
  readonly why: string;
  /** What the rule is for. */
  readonly summary?: string;
  /** When it was raised, or would have been, as ISO 8601. */
  readonly startedAt: string;
  /** When it was resolved. */
  readonly endedAt?: string;
  /** Suppressed until then. */
  readonly until?: string;
  /** Resolved because the value is as it should be, the rule is gone, or the process has ended and nobody looks any more. */
  readonly because?: 'value' | 'rule' | 'closed';
  /** The process that looks: its machine and its number. */
  readonly instance: string;
}

/** An alert from its first event to its last, as it is recorded. */
export interface Alert extends AlertNote {
  readonly state: 'firing' | 'suppressed' | 'resolved';
  readonly raisedAt: Date;
  readonly escalations: number;
}

/** The alerts of a log, the latest first. Reads its last `events` (10,000) events of alerts. */
export async function alertsOf(
  log: Pick<EventStore, 'readAll'>,
  { events = 10_000 }: { readonly events?: number } = {},
): Promise<readonly Alert[]> {
  const query = { categories: [ALERTS], includeSystem: true, backwards: true, limit: events };
  const steps: { readonly step: AlertStep; readonly note: AlertNote; readonly at: Date }[] = [];
  for await (const page of log.readAll(query)) {
    for (const { type, data, recordedAt } of page.events) {
      const step = STEPS.find((it) => type === `alert.${it}`);
      if (step) steps.push({ step, note: JSON.parse(data) as AlertNote, at: recordedAt });
    }
  }
  const found: Alert[] = [];
  const open = new Map<string, number>();
  for (const { step, note, at } of steps.reverse()) {
    const key = JSON.stringify([note.instance, note.alert, note.labels]);
    if (step === 'suppressed') found.push({ ...note, state: step, raisedAt: at, escalations: 0 });
    else if (step === 'raised' || !open.has(key))
      open.set(key, found.push({ ...note, state: 'firing', raisedAt: at, escalations: 0 }) - 1);
    const place = open.get(key);
    if (place !== undefined) found[place] = followedBy(found[place]!, step, note);
    if (step === 'resolved') open.delete(key);
  }
  return found.reverse();
}

/** What it was, with what has become of it: why it was raised stays, rather than why it is over. */
function followedBy(alert: Alert, step: AlertStep, note: AlertNote): Alert {
  const { value: _value, why: _why, ...rest } = note;
  if (step === 'escalated') return { ...alert, ...note, escalations: alert.escalations + 1 };
  return step === 'resolved' ? { ...alert, ...rest, state: 'resolved' } : alert;
}

const STEPS: readonly AlertStep[] = ['raised', 'suppressed', 'escalated', 'resolved'];
