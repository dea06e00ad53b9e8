import type { Unsubscribe } from '@backstory/core/store';
import { WakeList, outside } from '@backstory/core/store';
import { headOf } from './positions.js';
import type { Session } from './session.js';
import type { SqliteFile } from './sqlite-file.js';

const DATA_VERSION = 'PRAGMA data_version';

/**
 * Wakes followers: at once when this process appends, and by asking SQLite every few milliseconds whether another one
 * has written. The question costs next to nothing, and is asked only while somebody waits.
 */
export class WakePoll {
  private readonly wakes = new WakeList();
  private timer: NodeJS.Timeout | undefined;
  private asking = false;
  private asked: Session | undefined;
  private dataVersion: number | undefined;
  private head = 0;

  constructor(
    private readonly file: SqliteFile,
    private readonly pollMs: number,
  ) {}

  add(wake: () => void): Unsubscribe {
    const remove = this.wakes.add(wake);
    this.timer ??= outside(() => setInterval(() => void this.ask(), this.pollMs).unref());
    return () => {
      remove();
      if (this.wakes.size === 0) this.stop();
    };
  }

  /** This process has appended up to `head`. */
  appended(head: number): void {
    this.head = Math.max(this.head, head);
    this.wakes.notify();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private async ask(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      const head = await this.file.read((session) => this.newHead(session));
      if (head !== undefined && head > this.head) this.appended(head);
    } catch {
      // a wake-up is a hint: followers also look by themselves, and they report what is wrong
    } finally {
      this.asking = false;
    }
  }

  private newHead(session: Session): number | undefined {
    const [dataVersion] = session.first<[number]>(DATA_VERSION)!;
    if (session === this.asked && dataVersion === this.dataVersion) return undefined;
    this.asked = session;
    this.dataVersion = dataVersion;
    return headOf(session);
  }
}
