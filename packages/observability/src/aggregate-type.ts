/** The category of a stream. A stream without one would put its own name, which may be an id, where only types belong. */
export function aggregateType(stream: string): string {
  const dash = stream.indexOf('-');
  return dash > 0 ? stream.slice(0, dash) : 'none';
}
