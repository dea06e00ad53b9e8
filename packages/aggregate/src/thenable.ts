/** Whether a function that had to be done when it returned is still at work. Its failure is not lost: it is refused in any case. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  if (typeof (value as { then?: unknown } | null | undefined)?.then !== 'function') return false;
  (value as PromiseLike<unknown>).then(undefined, () => undefined);
  return true;
}
