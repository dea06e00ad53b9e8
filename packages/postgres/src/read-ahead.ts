/** A page as the server sent it. To make it costs as much as to read it. */
export interface Arrived<Page> {
  /** Rows in it. */
  readonly count: number;
  make(): Page;
}

/** While a page is made and worked on the next one is on its way; who breaks off waits for it. */
export async function* readAhead<Page>(arriving: AsyncGenerator<Arrived<Page>>): AsyncGenerator<Page> {
  try {
    let coming = arriving.next();
    for (let nth = 1; ; nth++) {
      const next: IteratorResult<Arrived<Page>> = await coming;
      if (next.done) return;
      coming = arriving.next();
      coming.catch(() => undefined); // told when it is asked for
      // Who works on a page for long would let the request for the next be sent after that.
      if (nth > 1 || next.value.count >= LONG) await new Promise((sent) => setImmediate(sent));
      yield next.value.make();
    }
  } finally {
    await arriving.return(undefined);
  }
}

/** Shorter ones are most of all that is read, and seldom followed by another. */
const LONG = 100;
