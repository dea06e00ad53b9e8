/** Waits one turn of the event loop, so that long work does not hold up everything else in the process. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Gives the event loop a turn whenever it has been kept for some milliseconds. */
export class Pace {
  private began = performance.now();

  async breathe(): Promise<void> {
    if (performance.now() - this.began < 8) return;
    await turn();
    this.began = performance.now();
  }
}
