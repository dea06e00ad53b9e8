/** A line of the log for eyes: `12:00:00.000 INFO  Event stored  log_type=EVENT_STORED event_type=order.placed`. */
export function consoleText(line: string): string {
  const { level, timestamp, msg, service: _service, stack, ...fields } = JSON.parse(line) as ConsoleLine;
  const pairs = Object.entries(fields).map(([name, value]) => `${name}=${shown(value)}`);
  const text = [timestamp.slice(11, 23), level.toUpperCase().padEnd(5), [msg, ...pairs].join('  ')].join(' ');
  return stack === undefined ? `${text}\n` : `${text}\n${stack}\n`;
}

interface ConsoleLine {
  readonly level: string;
  readonly timestamp: string;
  readonly msg: string;
  readonly service: string;
  readonly stack?: string;
}

function shown(value: unknown): string {
  return typeof value === 'string' && /^[^\s"=\\]+$/.test(value) ? value : JSON.stringify(value);
}
