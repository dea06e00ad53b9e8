/** How far a consumer is behind the log, in a few words. */
export function lagText({ events, seconds }: { readonly events: number; readonly seconds: number }): string {
  if (seconds === 0) return 'none';
  return `${events} positions, ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}
