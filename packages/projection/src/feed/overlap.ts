/**
 * Pieces of work that come one after another and each have a first part, which may go on while the piece before is at its second.
 * A piece fails with what the one before has failed with, and does nothing more then.
 */
export class Overlap {
  private last: Promise<typeof DONE> | undefined;

  /** The piece begun last, until it is waited for; gives {@link DONE}. */
  get underWay(): Promise<typeof DONE> | undefined {
    return this.last;
  }

  /**
   * Resolves when the piece is at its second part: after `turn()`, which resolves once the piece before is done. `ready()` resolves
   * then as well, and leaves it at its first part.
   *
   * @throws what the piece before has failed with, or else this one until then
   */
  async begin(work: Work): Promise<void> {
    const before = this.last;
    const begun = new Promise<void>((resolve) => {
      this.last = done(work, before, resolve);
    });
    this.last!.catch(() => undefined);
    await Promise.race([begun, this.last]);
  }

  /** Waits until nothing is under way. @throws what the piece begun last has failed with */
  async done(): Promise<void> {
    const { last } = this;
    try {
      await last;
    } finally {
      if (this.last === last) this.last = undefined;
    }
  }
}

/** What a piece of work gives when it is done. */
export const DONE = Symbol('done');

type Work = (turn: () => Promise<void>, ready: () => Promise<void>) => Promise<void>;

async function done(
  work: Work,
  before: Promise<unknown> | undefined,
  begun: () => void,
): Promise<typeof DONE> {
  const ready = async () => void (await before);
  const turn = async () => {
    await before;
    begun();
  };
  try {
    await work(turn, ready);
  } catch (error) {
    await before;
    throw error;
  }
  return DONE;
}
