import { FiringTimedOut } from './errors.js';

/** Work that is told by its signal when its time is over, and is not waited for any longer. @throws FiringTimedOut */
export async function inTime(
  schedule: string,
  timeoutMs: number,
  work: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const over = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const error = new FiringTimedOut(schedule, timeoutMs);
      reject(error);
      over.abort(error);
    }, timeoutMs);
  });
  try {
    await Promise.race([work(over.signal), late]);
  } finally {
    clearTimeout(timer);
  }
}
