import type { Session } from './session.js';

/** How many versions are remembered, at most. Past it all are forgotten: what is needed again is read again. */
const MOST = 10_000;

/**
 * The versions of the streams that this process has appended to lately. What is remembered is good for one head: a log
 * only grows, so that where its head is the same nobody has appended.
 */
export class LogTail {
  private head = 0;
  private readonly versions = new Map<string, number>();

  /** The versions of streams in a log with this head. Ask inside a transaction that may write. */
  versionsOf(session: Session, streams: ReadonlySet<string>, head: number): Map<string, number> {
    if (head !== this.head) this.versions.clear();
    const found = new Map<string, number>();
    const unknown: string[] = [];
    for (const stream of streams) {
      const version = this.versions.get(stream);
      if (version === undefined) unknown.push(stream);
      else found.set(stream, version);
    }
    if (unknown.length === 0) return found;
    const rows = session.all<[string, number | null]>(VERSIONS, JSON.stringify(unknown));
    for (const [stream, version] of rows) found.set(stream, version ?? 0);
    return found;
  }

  /** A batch was committed, after which the log has this head and these streams their versions. */
  committed(head: number, versions: ReadonlyMap<string, number>): void {
    for (const [stream, version] of versions) this.versions.set(stream, version);
    if (this.versions.size > MOST) this.versions.clear();
    this.head = head;
  }

  forget(): void {
    this.versions.clear();
  }
}

const VERSIONS = 'SELECT value, (SELECT max(version) FROM events WHERE stream = value) FROM json_each(?)';
