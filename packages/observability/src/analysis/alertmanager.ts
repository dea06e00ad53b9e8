import {
  InvalidOption,
  LONGEST_TIMER,
  knownOptions,
  numberOption,
  type OptionNames,
} from '@backstory/core/store';
import { isoOf, type Clock } from '../steady.js';
import type { AlertChange } from './alert-state.js';

/** Which Alertmanager is told, and how. Whatever takes `POST /api/v2/alerts` will do. */
export interface AlertmanagerOptions {
  /** Where it is, e.g. `http://alertmanager:9093`; several of a cluster are each told. */
  readonly url: string | readonly string[];
  /** Where somebody who gets an alert can look further. */
  readonly generatorUrl?: string;
  /** What all alerts are told apart by, beside their own labels: `{ cluster: 'eu' }`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** For its gateway: `{ authorization: 'Bearer …' }`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What is raised is said again so often, and taken for resolved when it was not for four times as long. Default 60,000. */
  readonly resendMs?: number;
  /** Default 10,000. */
  readonly timeoutMs?: number;
}

export interface AlertmanagerParts {
  /** Of the process. */
  readonly labels: Readonly<Record<string, string>>;
  /** Counts what could not be delivered. */
  readonly dropped: (count: number) => void;
  readonly clock: Clock;
}

/** Tells Alertmanagers what is raised and what is resolved. Whatever becomes of that, nobody waits for it; what was not taken is counted. */
export class Alertmanager {
  private readonly receivers: readonly Receiver[];

  /** @throws InvalidOption */
  constructor(options: AlertmanagerOptions, parts: AlertmanagerParts) {
    const { url, resendMs = 60_000, timeoutMs = 10_000, ...rest } = knownOptions(options, OPTIONS);
    const how: Sending = {
      ...rest,
      labels: { ...parts.labels, ...rest.labels },
      resendMs: numberOption('alertmanager.resendMs', resendMs, 10, LONGEST_TIMER),
      timeoutMs: numberOption('alertmanager.timeoutMs', timeoutMs, 1, LONGEST_TIMER),
      dropped: parts.dropped,
      clock: parts.clock,
    };
    for (const name of Object.keys(how.labels))
      if (!LABEL.test(name))
        throw new InvalidOption('alertmanager.labels', `${name} is no name for a label.`);
    this.receivers = [url].flat().map((it) => new Receiver(endpoint(it), how));
  }

  /** Takes note of what has changed; `tell` says it. */
  note(change: AlertChange, now: number): void {
    for (const receiver of this.receivers) receiver.note(change, now);
  }

  /** Says what is due. Never rejects, and ends in time. */
  async tell(now: number): Promise<void> {
    await Promise.all(this.receivers.map((it) => it.tell(now)));
  }

  /** Ends what is being said. What is raised is not resolved by that: nobody says it any more, and then it is. */
  close(): void {
    for (const receiver of this.receivers) receiver.close();
  }
}

interface Sending extends Pick<AlertmanagerOptions, 'generatorUrl' | 'headers'>, AlertmanagerParts {
  readonly resendMs: number;
  readonly timeoutMs: number;
}

interface Told {
  /** Of which rule and value, whatever its severity. */
  readonly of: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  /** When it was resolved. */
  readonly endedAt: number | undefined;
  /** When it was last taken. */
  takenAt: number;
}

/** One Alertmanager: what it is to know, and what it knows. */
class Receiver {
  /** By their labels, by which it tells them apart. */
  private readonly alerts = new Map<string, Told>();
  private closing = new AbortController();
  private telling: Promise<void> | undefined;

  constructor(
    private readonly url: URL,
    private readonly how: Sending,
  ) {}

  note(change: AlertChange, now: number): void {
    if (change.step === 'suppressed') return;
    // Its severity is one of its labels: of another severity it is another alert.
    const of = JSON.stringify([change.alert, change.labels]);
    for (const [id, it] of this.alerts) {
      if (it.endedAt !== undefined || it.of !== of) continue;
      // That nobody looks any more resolves nothing.
      if (change.because === 'closed') this.alerts.delete(id);
      else this.alerts.set(id, { ...it, endedAt: now, takenAt: -Infinity });
    }
    if (change.step !== 'resolved') this.begin(of, change);
  }

  private begin(of: string, change: AlertChange): void {
    const labels = this.labelsOf(change);
    const id = JSON.stringify(labels);
    if (!this.alerts.has(id) && this.alerts.size >= MOST) return this.how.dropped(1);
    const { summary = change.alert, why, value, startedAt } = change;
    const annotations = { summary, description: why, value: String(value) };
    const times = { startsAt: startedAt, endedAt: undefined, takenAt: -Infinity };
    this.alerts.set(id, { of, labels, annotations, ...times });
  }

  /** One request at a time: while it is slow, nothing heaps up. */
  tell(now: number): Promise<void> {
    return (this.telling ??= this.tellOnce(now).finally(() => (this.telling = undefined)));
  }

  close(): void {
    this.closing.abort();
    this.closing = new AbortController();
    this.alerts.clear();
  }

  private async tellOnce(now: number): Promise<void> {
    this.forget(now);
    const due = [...this.alerts].filter(([, it]) => now - it.takenAt >= this.how.resendMs);
    if (due.length === 0) return;
    try {
      await this.post(due.map(([, it]) => this.messageOf(it, now)));
    } catch {
      return this.how.dropped(due.length);
    }
    for (const [id, it] of due) {
      // Another may have taken its place meanwhile.
      if (this.alerts.get(id) !== it) continue;
      if (it.endedAt === undefined) it.takenAt = now;
      else this.alerts.delete(id);
    }
  }

  private async post(messages: readonly object[]): Promise<void> {
    const { headers, timeoutMs } = this.how;
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(messages),
      signal: AbortSignal.any([this.closing.signal, AbortSignal.timeout(timeoutMs)]),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`it answered ${response.status}`);
  }

  private messageOf({ labels, annotations, startsAt, endedAt }: Told, now: number): object {
    const { generatorUrl: generatorURL, resendMs, clock } = this.how;
    const endsAt = isoOf(clock, endedAt ?? now + 4 * resendMs);
    return { labels, annotations, startsAt, endsAt, ...(generatorURL !== undefined && { generatorURL }) };
  }

  private labelsOf({ alert, kind, severity, labels }: AlertChange): Readonly<Record<string, string>> {
    return { ...this.how.labels, ...labels, alertname: alert, kind, severity };
  }

  /** What was resolved long ago it does not remember either. */
  private forget(now: number): void {
    for (const [id, { endedAt }] of this.alerts) {
      if (endedAt === undefined || now - endedAt < REMEMBERED_MS) continue;
      this.alerts.delete(id);
    }
  }
}

function endpoint(url: string): URL {
  const base = URL.canParse(url) ? new URL(url) : undefined;
  if (!base || !/^https?:$/.test(base.protocol))
    throw new InvalidOption('alertmanager.url', `must be like http://alertmanager:9093, not ${url}.`);
  return new URL(`${base.pathname.replace(/\/$/, '')}/api/v2/alerts`, base);
}

/** Alerts that one of them is told at most. */
const MOST = 1_000;
/** As long as Prometheus tells it. */
const REMEMBERED_MS = 900_000;
const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const OPTIONS: OptionNames<AlertmanagerOptions> = {
  ...{ url: true, generatorUrl: true, labels: true, headers: true },
  ...{ resendMs: true, timeoutMs: true },
};
