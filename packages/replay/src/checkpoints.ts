import type { Json } from '@backstory/events';

/** The state of a stream after a version, as text, which takes the least memory. */
export interface Checkpoint {
  readonly version: number;
  readonly position: number;
  readonly text: string;
}

/**
 * States of one stream at versions that lie evenly apart. When they become too many or too large every second one is
 * dropped, so that memory is bounded however long the stream is.
 */
export class Checkpoints {
  private readonly kept = new Map<number, Checkpoint>();
  private length = 0;

  constructor(
    private interval = 256,
    private readonly most = { count: 256, length: 32 * 1024 * 1024 },
  ) {}

  /** The next version after this one at which there should be a checkpoint. */
  after(version: number): number {
    return (Math.floor(version / this.interval) + 1) * this.interval;
  }

  /** Is one wanted at this version and not there yet? */
  wants(version: number): boolean {
    return version > 0 && version % this.interval === 0 && !this.kept.has(version);
  }

  /** The last one up to a version. */
  upTo(version: number): Checkpoint | undefined {
    for (let at = version - (version % this.interval); at > 0; at -= this.interval) {
      const found = this.kept.get(at);
      if (found) return found;
    }
    return undefined;
  }

  keep({ version, position, text }: Checkpoint): void {
    this.kept.set(version, { version, position, text });
    this.length += text.length;
    while (this.kept.size > this.most.count || this.length > this.most.length) this.thin();
  }

  private thin(): void {
    this.interval *= 2;
    for (const { version, text } of [...this.kept.values()]) {
      if (version % this.interval === 0 && text.length <= this.most.length) continue;
      this.kept.delete(version);
      this.length -= text.length;
    }
  }
}

/** The state that a checkpoint holds. */
export function stateIn({ text }: Pick<Checkpoint, 'text'>): Json {
  return JSON.parse(text) as Json;
}
