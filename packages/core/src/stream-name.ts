/** `streamName('account', '42')` is `account-42`. The category must not contain a dash; the id may. */
export function streamName(category: string, id: string): string {
  return `${category}-${id}`;
}

/** What stands before the first dash; the whole name where there is none. */
export function categoryOf(stream: string): string {
  const dash = stream.indexOf('-');
  return dash === -1 ? stream : stream.slice(0, dash);
}

/** What stands after the first dash; empty where there is none. */
export function idOf(stream: string): string {
  const dash = stream.indexOf('-');
  return dash === -1 ? '' : stream.slice(dash + 1);
}

/** System streams hold the framework's own events; applications cannot append to them. */
export function isSystemStream(stream: string): boolean {
  return stream.startsWith('_');
}
