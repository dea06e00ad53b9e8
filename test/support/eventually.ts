/** What `ask` gives once it gives something; for tests of what happens in its own time. */
export async function eventually<T>(
  ask: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 60_000,
): Promise<T> {
  const end = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end)
      throw new Error(`Nothing came of it within ${withinMs} ms: ${ask.toString()}`);
    await new Promise((wait) => setTimeout(wait, 10));
  }
}

/** How long what comes late is waited for: this is for what never does. */
export const IN_TIME = { timeoutMs: 300_000 };
