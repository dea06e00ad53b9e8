import type { Foldable, ProjectionModel } from '../definition/projection-model.js';
import { GenerationUnusable } from '../errors.js';

/** Documents by their keys, as they are stored; `undefined` where there is none. */
export type Texts = ReadonlyMap<string, string | undefined>;

/** What is folded in memory. */
export interface Folding {
  readonly model: ProjectionModel;
  /** The generation whose documents are folded, for what is said when there are too many. */
  readonly side: number;
  /** How many of them at most. */
  readonly most: number;
}

/** Folds some documents in memory, and no more than may be. */
export class TextFold {
  private readonly documents = new Map<string, unknown>();
  private readonly last = new Map<string, Foldable['recorded']>();
  readonly results = new Map<string, string>();

  private readonly model: ProjectionModel;

  constructor(private readonly folding: Folding) {
    this.model = folding.model;
  }

  has(key: string): boolean {
    return this.documents.has(key);
  }

  begin(key: string, text: string | undefined): void {
    if (this.has(key)) return;
    const { most, side, model } = this.folding;
    if (this.documents.size === most) {
      const message = `more than ${most} documents would have to be folded in memory: allow more with maxFolded, or compare generations that are closer.`;
      throw new GenerationUnusable(model.name, side, message);
    }
    this.documents.set(key, text === undefined ? undefined : model.read(text));
  }

  /** Folds an event into those of its documents that have begun. */
  fold(event: Foldable): void {
    for (const [nth, key] of event.keys.entries())
      if (this.has(key)) this.foldOne(key, this.model.recordedFor(event, nth));
  }

  private foldOne(key: string, recorded: Foldable['recorded']): void {
    const folded = this.model.fold(this.documents.get(key), recorded, key, (kept) => {
      this.results.set(kept.key, kept.value);
    });
    this.documents.set(key, folded);
    this.last.set(key, recorded);
  }

  texts(): Texts {
    const text = (key: string, document: unknown) =>
      document === undefined ? undefined : this.model.write(document, key, this.last.get(key)!);
    return new Map([...this.documents].map(([key, document]) => [key, text(key, document)]));
  }
}
