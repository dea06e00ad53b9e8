import type { Session } from './session.js';
import type { SqliteFile } from './sqlite-file.js';

/**
 * Small writes that come in one moment become one transaction: with one each, each would wait for the disk. They go before what else
 * waits for the writer: leases run out meanwhile.
 */
export class GatheredWrites {
  private next: Gathered | undefined;

  constructor(private readonly file: SqliteFile) {}

  /** Runs `work`, which must not fail by itself, in one transaction with others. */
  async run<T>(work: (session: Session) => T): Promise<T> {
    const gathered = (this.next ??= this.gather());
    let result: T | undefined;
    gathered.works.push((session) => (result = work(session)));
    await gathered.written;
    return result as T;
  }

  private gather(): Gathered {
    const works: Gathered['works'] = [];
    const close = () => {
      if (this.next?.works === works) this.next = undefined;
    };
    const written = this.file
      .write(
        (session) => {
          close();
          for (const work of works) work(session);
        },
        { isUrgent: true },
      )
      // The file may be locked, and nothing have begun.
      .finally(close);
    return { works, written };
  }
}

interface Gathered {
  readonly works: ((session: Session) => unknown)[];
  readonly written: Promise<void>;
}
