/** Where a function was called, `file:line`; with the stack of the call it costs some microseconds. */
export function callerOf(called: (...given: never[]) => unknown): string | undefined {
  const at: { stack?: string } = {};
  Error.captureStackTrace(at, called);
  const [, frame] = at.stack?.split('\n') ?? [];
  return frame && /(?:\(|at )([^()\s]+:\d+):\d+\)?$/.exec(frame)?.[1];
}
