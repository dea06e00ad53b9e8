/** Tells those who wait in this process that something was committed here. */
export class ProgressHere {
  private readonly waiting = new Set<() => void>();

  tell(): void {
    for (const wake of this.waiting) wake();
  }

  /** Resolves when something was committed here, after a time, or when the signal aborts. */
  next(signal: AbortSignal | undefined) {
    let wake: () => void = () => undefined;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    const cancel = () => {
      this.waiting.delete(wake);
      signal?.removeEventListener('abort', wake);
      wake();
    };
    this.waiting.add(wake);
    signal?.addEventListener('abort', wake);
    const within = async (ms: number) => {
      const timer = setTimeout(wake, ms);
      await woken;
      clearTimeout(timer);
      cancel();
    };
    return { within, cancel };
  }
}
