import { categoryOf, idOf, type RecordedEvent } from '@backstory/core';
import { XMLBuilder } from 'fast-xml-parser';
import { printable } from '../printable.js';

// IEEE 1849-2016, https://www.xes-standard.org: a log of traces of events, each of which is known by attributes with types.

const builder = new XMLBuilder({
  attributeNamePrefix: '@',
  ignoreAttributes: false,
  suppressEmptyNode: true,
  // Else what is true loses its value.
  suppressBooleanAttributes: false,
  format: true,
});

/** What stands before the first trace: what attributes mean, and by which of them events are the same activity. */
export function beginning(): string {
  const extension = (name: string, prefix: string) => ({
    '@name': name,
    '@prefix': prefix,
    '@uri': `http://www.xes-standard.org/${prefix}.xesext`,
  });
  const named = { '@key': 'concept:name', '@value': '' };
  const log = {
    // A decimal number, says the schema.
    '@xes.version': '1849.2016',
    '@xes.features': '',
    '@xmlns': 'http://www.xes-standard.org/',
    extension: [
      extension('Concept', 'concept'),
      extension('Time', 'time'),
      extension('Organizational', 'org'),
      extension('Lifecycle', 'lifecycle'),
      extension('Identity', 'identity'),
    ],
    global: [
      { '@scope': 'trace', string: named },
      { '@scope': 'event', string: named, date: { '@key': 'time:timestamp', '@value': EPOCH } },
    ],
    classifier: { '@name': 'Activity', '@keys': 'concept:name' },
  };
  const text = builder.build({ '?xml': { '@version': '1.0', '@encoding': 'UTF-8' }, log });
  return text.slice(0, text.lastIndexOf('</log>'));
}

const EPOCH = '1970-01-01T00:00:00.000Z';

export const END = '</log>\n';

/** A stream is a trace. */
export function traceBeginning(stream: string): string {
  const attributes = [
    attribute('concept:name', idOf(stream) || stream),
    attribute('event:stream', stream),
    attribute('event:category', categoryOf(stream)),
  ];
  return `<trace>\n${attributes.join('')}`;
}

export const TRACE_END = '</trace>\n';

/** An event: its type is the activity, when it happened the time, its actor the resource; then its data. */
export function eventElement({ id, type, version, data, metadata, recordedAt }: RecordedEvent): string {
  const { occurredAt, actor, command, correlationId } = metadata;
  const happened = new Date(occurredAt);
  const at = Number.isNaN(happened.getTime()) ? recordedAt : happened;
  const attributes = [
    attribute('concept:name', type),
    element('date', 'time:timestamp', at.toISOString()),
    attribute('lifecycle:transition', 'complete'),
    ...(actor === undefined ? [] : [attribute('org:resource', actor)]),
    element(UUID.test(id) ? 'id' : 'string', 'identity:id', id),
    attribute('event:version', version),
    attribute('event:correlationId', correlationId),
    ...(command === undefined ? [] : [attribute('event:command', command)]),
    ...dataAttributes('data', data),
  ];
  return `<event>\n${attributes.join('')}</event>\n`;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Of an object its properties, by their paths; a list is one attribute, as JSON, for tools take no lists. */
function dataAttributes(path: string, value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object') return [attribute(path, value)];
  if (Array.isArray(value)) return [attribute(path, JSON.stringify(value))];
  return Object.entries(value).flatMap(([name, it]) => {
    // With a colon in it, it would read as the word of an extension.
    const isOwn = path === 'data' && name !== '' && !name.includes(':');
    return dataAttributes(isOwn ? name : `${path}.${name}`, it);
  });
}

function attribute(key: string, value: unknown): string {
  if (typeof value === 'boolean') return element('boolean', key, String(value));
  if (typeof value === 'number')
    return element(Number.isSafeInteger(value) ? 'int' : 'float', key, String(value));
  return element('string', key, String(value));
}

function element(tag: string, key: string, value: string): string {
  return builder.build({ [tag]: { '@key': xmlName(key), '@value': writable(value) } });
}

/** Keys are XML names. What these may not have is written as ISO 9075-14 does: `unit_x0020_price`. */
function xmlName(key: string): string {
  return key
    .replace(/_(?=x[0-9A-F]{4,6}_)/g, escaped)
    .replace(/[^\p{L}\p{Nd}._:-]|^[\p{Nd}.-]|[\u{10000}-\u{10ffff}]/gu, escaped);
}

function escaped(character: string): string {
  return `_x${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}_`;
}

/** XML 1.0 has no way to write some characters: they are written as JSON writes them. */
function writable(text: string): string {
  return printable(text).replace(/[\ufffe\uffff]/g, (it) => `\\u${it.charCodeAt(0).toString(16)}`);
}
