import type { App, RecordedEvent } from 'backstory';

/** What reacts to events, one after the other. */
export interface Reacting {
  react(recorded: RecordedEvent<object>): Promise<void>;
}

/** Shows the log to a process, in order, and remembers how far it has come. A subscription takes its place. */
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
