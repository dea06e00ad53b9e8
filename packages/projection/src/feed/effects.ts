import { setImmediate as turn } from 'node:timers/promises';
import type { StateStore, StoredEvent } from '@backstory/core';
import type { StateTransaction } from '@backstory/core/state';
import type { ProjectionFailed } from '../errors.js';
import type { Foldable, ProjectionModel } from '../definition/projection-model.js';
import type { Model } from '../definition/projection-source.js';
import type { Places } from '../generation/places.js';
import { Stretch } from '../stretch.js';
import { requireSql } from '../tables/require-sql.js';
import { SqlModel } from '../tables/sql-model.js';
import { WriteBack } from './write-back.js';

/** What events do to one generation of a read model. */
export interface Effects {
  /** Events of a batch at most. */
  readonly most: number;
  /**
   * Works out what can be before the transaction: also while the transaction before is under way, as if that were through.
   *
   * @throws ProjectionFailed — call `forget` then
   */
  of(events: readonly StoredEvent[]): Promise<Effect>;
  /** What was worked out and not committed counts for nothing. */
  forget(): void;
  /** The event whose fold has kept the process busy for longest, of those that did so for long. */
  readonly slowest?: SlowEvent | undefined;
}

/** An event, and how long the process was kept busy by it, in milliseconds. */
export interface SlowEvent {
  readonly event: StoredEvent;
  readonly ms: number;
}

/** What a batch does. */
export interface Effect {
  /** How many of the events it is of at most: the first, and not all where documents are large. */
  readonly taken: number;
  /** How many more documents there are. */
  readonly added: number;
  /** Inside the transaction, which may be tried again. @throws ProjectionFailed */
  write(tx: StateTransaction): Promise<Written>;
  /** The handler that is at work in the transaction, and its event. */
  readonly underWay?: () => string | undefined;
}

/** What a transaction has done. */
export interface Written {
  /** How many of the events are done: the first, and one at least. */
  readonly taken: number;
  /** How many of these are handled and concern it. */
  readonly applied: number;
}

/** Where the effects of events go. */
export interface EffectsParts {
  readonly model: Model;
  readonly places: Places;
  readonly generation: number;
  readonly state: StateStore;
}

export function effectsOf({ model, places, generation, state }: EffectsParts): Effects {
  if (model instanceof SqlModel) return tableEffects(model, generation);
  return new DocumentEffects(model, new WriteBack(model, places, generation), state);
}

/** Folds documents until there are no more events, what they are to write is much, or it has taken long. */
class DocumentEffects implements Effects {
  readonly most = 10_000;
  /** Events folded at a time: fewer where documents are large or folds slow, and few until that is known. */
  private atOnce = 16;
  slowest: SlowEvent | undefined;

  constructor(
    private readonly model: ProjectionModel,
    private readonly documents: WriteBack,
    private readonly state: StateStore,
  ) {}

  async of(events: readonly StoredEvent[]): Promise<Effect> {
    const { documents } = this;
    documents.trim();
    const until = performance.now() + FOLDING_MS;
    let [taken, applied] = [0, 0];
    while (taken < events.length && !documents.isFull && performance.now() < until) {
      const done = await this.fold(events.slice(taken, taken + this.atOnce), until);
      taken += done.taken;
      applied += done.applied;
      // A turn of the event loop, in which the next page is taken in and the one after it asked for.
      await turn();
    }
    const changes = documents.changes();
    const write = async (tx: StateTransaction) => {
      await documents.write(tx, changes);
      return { taken, applied };
    };
    return { taken, added: changes.added, write };
  }

  forget(): void {
    this.documents.forget();
  }

  /** Folds the first of them: one at least, and all where that takes no longer than it may. */
  private async fold(events: readonly StoredEvent[], until: number): Promise<Written> {
    const { documents, model, state } = this;
    const decoded: Foldable[] = [];
    const decoding = new Stretch();
    for (const event of events) {
      decoded.push(model.foldable(event));
      if (decoding.isLong) {
        this.slowest = slower(this.slowest, { event, ms: decoding.ms });
        await decoding.pause();
        if (performance.now() > until) break;
      }
    }
    const { wasLong: wasDecodingLong } = decoding;
    const before = documents.grown;
    await documents.load(state, decoded);
    let [taken, applied] = [0, 0];
    const folding = new Stretch();
    for (const event of decoded) {
      documents.fold(event);
      taken++;
      if (event.keys.length > 0) applied++;
      if (folding.isLong) {
        this.slowest = slower(this.slowest, { event: event.stored, ms: folding.ms });
        await folding.pause();
        if (performance.now() > until) break;
      }
    }
    const wasLong = wasDecodingLong || folding.wasLong;
    documents.measure();
    // One that is large and stays so is written once, however many events change it: fewer of them at a time would help nobody.
    const isMuch = documents.grown - before > LARGE || wasLong;
    this.atOnce = isMuch ? Math.max(1, Math.floor(this.atOnce / 2)) : Math.min(DECODED, this.atOnce * 2);
    return { taken, applied };
  }
}

function slower(known: SlowEvent | undefined, own: SlowEvent): SlowEvent {
  return known === undefined || own.ms > known.ms ? own : known;
}

/** Events that are in memory as objects at the same time: what lives long costs more than what was decoded just now. */
const DECODED = 500;
/** Characters that documents of that many events may have. */
const LARGE = 2 ** 20;
/** After so long nothing more is folded before what is folded is committed. */
const FOLDING_MS = 1_000;

/**
 * One event after another, each with statements of its own: a transaction of many would keep others waiting, and one of slow handlers
 * would take longer than it may. Each attempt decodes anew, because handlers may change what they are given.
 */
function tableEffects(model: SqlModel, generation: number): Effects {
  // Nothing is committed any more once something was lost.
  let lost: ProjectionFailed | undefined;
  return {
    most: 500,
    async of(events) {
      let at: string | undefined;
      return {
        taken: events.length,
        added: 0,
        async write(tx) {
          const sql = requireSql(tx, model.name);
          const until = performance.now() + LONG_MS;
          let taken = 0;
          for (const event of events) {
            const { type, stream, position } = event;
            await model.handle(sql, generation, model.decode(event), {
              begins: (handler) => (at = `${handler} at ${type} of ${stream}, position ${position}`),
              late: (error) => (lost ??= error),
            });
            taken++;
            if (performance.now() > until) break;
          }
          at = undefined;
          // A turn of the event loop, in which what a handler did not wait for may show.
          await turn();
          if (lost) throw lost;
          return { taken, applied: taken };
        },
        underWay: () => at,
      };
    },
    forget: () => undefined,
  };
}

/** After so long no further handler begins in a transaction. */
const LONG_MS = 500;
