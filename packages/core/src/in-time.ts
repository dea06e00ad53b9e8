import { outside } from './outside.js';

/**
 * What something gives, or else, where it takes longer, `instead`. What comes too late is nobody's concern. A process does not stay for
 * what is only done in the background.
 */
export async function inTime<T>(ms: number, work: Promise<T>, { instead, background }: Late<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = outside(() => setTimeout(() => resolve(instead), ms));
    if (background) timer.unref();
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What there is instead of what takes too long. */
export interface Late<T> {
  readonly instead: T;
  readonly background?: boolean;
}
