import type { RecordedEvent } from '@backstory/core';
import type { Paper } from './paper.js';
import { cut } from './printable.js';

/** Two lines an event: where, when and what; then its id and as much of its data as fits. */
export function eventLines(events: readonly RecordedEvent[], paper: Paper): readonly string[] {
  const digits = Math.max(...events.map(({ position }) => String(position).length));
  const place = ({ stream, version }: RecordedEvent) => `${stream} v${version}`;
  const longest = Math.min(32, Math.max(...events.map((it) => place(it).length)));
  const indent = ' '.repeat(digits + 2);
  return events.flatMap((event) => {
    const position = String(event.position).padStart(digits);
    const where = paper.name(place(event).padEnd(longest));
    const head = `${paper.dim(position)}  ${event.recordedAt.toISOString()}  ${where}  ${paper.bold(event.type)}`;
    const room = paper.width - indent.length - event.id.length - 2;
    const data = cut(paper.plain(JSON.stringify(event.data)), room);
    return [head, `${indent}${paper.dim(event.id)}  ${data}`];
  });
}

/** Everything that is known of an event. */
export function fullEventLines(events: readonly RecordedEvent[], paper: Paper): readonly string[] {
  return events.flatMap(
    ({ id, stream, version, position, type, schemaVersion, recordedAt, metadata, data }) => {
      const of = schemaVersion === 1 ? '' : `, version ${schemaVersion} of its data`;
      const facts = Object.entries({ id, recordedAt: recordedAt.toISOString(), ...metadata });
      const longest = Math.max(...facts.map(([name]) => name.length));
      return [
        `${paper.dim(String(position))}  ${paper.name(`${stream} v${version}`)}  ${paper.bold(type)}${of}`,
        ...facts.map(([name, fact]) => `    ${paper.dim(name.padEnd(longest))}  ${paper.plain(text(fact))}`),
        ...indentedJson(data, paper).map((line) => `    ${line}`),
        '',
      ];
    },
  );
}

/** A value as JSON over several lines, each made safe. */
export function indentedJson(value: unknown, paper: Paper): readonly string[] {
  return JSON.stringify(value, undefined, 2).split('\n').map(paper.plain);
}

function text(fact: unknown): string {
  return typeof fact === 'string' ? fact : JSON.stringify(fact);
}
