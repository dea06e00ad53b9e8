import { Context, Recorder, newId, type EventStore } from '@backstory/core';
import { ALERTS, type AlertNote, type AlertStep } from '@backstory/core/observability';
import type { Observer } from '@backstory/core/observe';

/** Records what becomes of alerts, each step once. It is never waited for: while the log cannot be reached the last ones are kept. */
export class AlertJournal {
  private readonly recorder: Recorder;
  private waiting: Step[] = [];
  private recording: Promise<void> | undefined;

  constructor(
    log: Pick<EventStore, 'append'>,
    { source, observer }: { readonly source: string; readonly observer: Observer },
    private readonly dropped: (count: number) => void,
  ) {
    this.recorder = new Recorder(log, { source, observer, appendTimeoutMs: PATIENCE_MS });
  }

  note(step: AlertStep, note: AlertNote): void {
    if (this.waiting.length >= MOST) {
      this.waiting.shift();
      this.dropped(1);
    }
    this.waiting.push({ appendId: newId(), step, note, occurredAt: new Date().toISOString() });
  }

  /** Records what was noted, as far as that is possible now. Never rejects. */
  flush(): Promise<void> {
    return (this.recording ??= this.recordAll().finally(() => (this.recording = undefined)));
  }

  private async recordAll(): Promise<void> {
    for (let [next] = this.waiting; next; [next] = this.waiting) {
      try {
        await this.record(next);
      } catch {
        return;
      }
      this.waiting = this.waiting.filter((it) => it !== next);
    }
  }

  private async record({ appendId, step, note, occurredAt }: Step): Promise<void> {
    const event = { type: `alert.${step}`, data: JSON.stringify(note), metadata: { occurredAt } };
    const write = { stream: `${ALERTS}-${note.alert}`, expected: 'any', events: [event] } as const;
    await Context.none.run(() => this.recorder.record([write], { system: true, appendId }));
  }
}

interface Step {
  readonly appendId: string;
  readonly step: AlertStep;
  readonly note: AlertNote;
  readonly occurredAt: string;
}

const MOST = 1_000;
const PATIENCE_MS = 5_000;
