/** The name of an aggregate's stream: `streamName('account', '42')` is `account-42`. The category must not contain a dash; the id may. */
export function streamName(category: string, id: string): string {
  return `${category}-${id}`;
}

/** The category of a stream name: what stands before its first dash, or the whole name where there is none. */
export function categoryOf(stream: string): string {
  const dash = stream.indexOf('-');
  return dash === -1 ? stream : stream.slice(0, dash);
}

/** The id in a stream name: what stands after its first dash, empty where there is none. */
export function idOf(stream: string): string {
  const dash = stream.indexOf('-');
  return dash === -1 ? '' : stream.slice(dash + 1);
}

/** Whether a stream holds the framework's own events: its name begins with `_`, and applications cannot append to it. */
export function isSystemStream(stream: string): boolean {
  return stream.startsWith('_');
}
