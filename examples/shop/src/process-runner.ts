import type { App, RecordedEvent } from 'backstory';
import { processReactor } from 'backstory/process';

/** What reacts to events, one after the other. */
export interface Reacting {
  react(recorded: RecordedEvent<object>): Promise<void>;
}

/** A process manager as a subscription runs it, step by step: for tests, and for a log that is the same every time. */
export function stepByStep(app: App, manager: object): Reacting {
  const react = processReactor(manager, app);
  return { react: (recorded) => react(recorded) };
}

/** Shows the log to a process, in order, and remembers how far it has come. */
export class ProcessRunner {
  constructor(
    private readonly app: App,
    private readonly process: Reacting,
    /** The place in the log up to which everything was reacted to. */
    private position = 0,
  ) {}

  /**
   * Until nothing more follows. When a step fails, its event is the first to be shown next time.
   *
   * @throws whatever a step throws
   */
  async settle(): Promise<void> {
    for (let before = -1; before !== this.position;) {
      before = this.position;
      for await (const { events } of this.app.events.readAll({ after: before })) {
        for (const stored of events) {
          await this.process.react(this.app.types.decode(stored));
          this.position = stored.position;
        }
      }
    }
  }
}
