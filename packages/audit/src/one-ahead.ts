/** Asks for what comes next before giving what has come: a server then works while this process does. */
export async function* oneAhead<T>(items: AsyncIterable<T>): AsyncGenerator<T, void> {
  const iterator = items[Symbol.asyncIterator]() as AsyncIterator<T, void>;
  try {
    for (let coming = iterator.next(); ;) {
      const come = await coming;
      if (come.done) return;
      coming = iterator.next();
      coming.catch(() => undefined); // told to whoever comes to it
      yield come.value;
    }
  } finally {
    await iterator.return?.();
  }
}
