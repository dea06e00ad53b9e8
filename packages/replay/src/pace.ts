import { setImmediate as turnOfTheLoop } from 'node:timers/promises';

/** Options of the cursor's methods that may take long: a signal that ends them, and a function that is told how far they are. */
export interface CursorWait {
  /** Ends it; it then throws the signal's reason. What was reached until then is kept. */
  readonly signal?: AbortSignal;
  /** Called now and then with the version reached and the version to reach. */
  readonly onProgress?: (version: number, to: number) => void;
}

const BREATH_MS = 20;

/** Lets others have their turn during long work, so that who waits can see it and end it. */
export class Pace {
  constructor(
    private readonly wait: CursorWait,
    private readonly from: number,
    /** When others had their last turn; shared by the parts of one piece of work, each of which may be short. */
    private readonly turn = { at: performance.now() },
  ) {}

  async at(version: number, to: number): Promise<void> {
    this.wait.signal?.throwIfAborted();
    if (performance.now() - this.turn.at < BREATH_MS) return;
    // On the way to where it begins there is nothing to tell yet.
    if (version > this.from) this.wait.onProgress?.(version - this.from, to - this.from);
    await turnOfTheLoop();
    this.wait.signal?.throwIfAborted();
    this.turn.at = performance.now();
  }
}
