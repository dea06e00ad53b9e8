import { InvalidOption } from '@backstory/core/store';

/** How much the cache of an application may hold. What was not used for longest goes first. */
export interface CacheOptions {
  /** How many aggregates. Default 1,000. */
  readonly entries?: number;
  /** How much memory their states may take, in bytes; what they take is estimated from above. Default 64 MiB. */
  readonly bytes?: number;
}

/** The state of an aggregate as it was when it was last folded. */
export interface CachedState {
  /** A snapshot in its stored form: every load makes an instance of its own of it. */
  readonly text: string;
  /** The version of the newest snapshot in the state store; 0: none is known. */
  readonly stored: number;
}

/**
 * States of aggregates, in memory, of one application. It holds text and no instances: what one caller does to an
 * instance, or keeps of it, reaches nobody else. A load proves that the log has the event that the state is of, and folds
 * what came after.
 */
export class StateCache {
  /** The first was not used for longest. */
  private readonly states = new Map<string, CachedState>();
  private readonly most: Required<CacheOptions>;
  private bytes = 0;

  /** @throws InvalidOption */
  constructor(options: CacheOptions = {}) {
    this.most = checkCacheOptions(options);
  }

  get size(): number {
    return this.states.size;
  }

  get(stream: string): CachedState | undefined {
    const found = this.states.get(stream);
    if (!found) return undefined;
    this.states.delete(stream);
    this.states.set(stream, found);
    return found;
  }

  set(stream: string, state: CachedState): void {
    this.delete(stream);
    if (bytesOf(state) > this.most.bytes) return;
    this.states.set(stream, state);
    this.bytes += bytesOf(state);
    for (const oldest of this.states.keys()) {
      if (this.states.size <= this.most.entries && this.bytes <= this.most.bytes) return;
      this.delete(oldest);
    }
  }

  delete(stream: string): void {
    const known = this.states.get(stream);
    if (!known) return;
    this.states.delete(stream);
    this.bytes -= bytesOf(known);
  }
}

/** What a cache may hold, with every default in place. @throws InvalidOption */
export function checkCacheOptions(options: CacheOptions): Required<CacheOptions> {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new InvalidOption('cache', 'must say how much it may hold, e.g. { entries: 1_000 }, or {}.');
  const unknown = Object.keys(options).find((key) => key !== 'entries' && key !== 'bytes');
  if (unknown !== undefined)
    throw new InvalidOption(`cache.${unknown}`, 'is no option: give entries or bytes.');
  const { entries = 1_000, bytes = 64 * 1_048_576 } = options;
  return { entries: whole('cache.entries', entries), bytes: whole('cache.bytes', bytes) };
}

function whole(option: string, value: number): number {
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new InvalidOption(option, `must be a whole number ≥ 1, not ${String(value)}.`);
}

/** Text takes one or two bytes a character. */
function bytesOf({ text }: CachedState): number {
  return 2 * text.length;
}
