import { readFile } from 'node:fs/promises';
import { XMLParser } from 'fast-xml-parser';

/** One case of an XES log (https://www.xes-standard.org): its name, and its events in the order of the file. */
export interface XesCase {
  readonly name: string;
  /** What the log says of the case as a whole. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly events: readonly XesEvent[];
}

/** An event's attributes by key. Dates are read; numbers stay text, so that no digit is lost. */
export interface XesEvent {
  readonly activity: string;
  readonly at: Date;
  readonly attributes: Readonly<Record<string, string>>;
}

interface Attribute {
  readonly key: string;
  readonly value: string;
}
type Attributes = Readonly<Partial<Record<(typeof ATTRIBUTE_TAGS)[number], readonly Attribute[]>>>;

const ATTRIBUTE_TAGS = ['string', 'date', 'int', 'float', 'boolean', 'id'] as const;
const LISTS: readonly string[] = [...ATTRIBUTE_TAGS, 'trace', 'event'];

export async function readXes(file: string): Promise<readonly XesCase[]> {
  const parser = new XMLParser({
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseAttributeValue: false,
    isArray: (tag) => LISTS.includes(tag),
  });
  const { log } = parser.parse(await readFile(file, 'utf8')) as {
    log?: { trace?: readonly (Attributes & { event?: readonly Attributes[] })[] };
  };
  if (!log?.trace) throw new Error(`${file} has no <log> with traces: is it an XES file?`);
  return log.trace.map((trace) => {
    const attributes = attributesOf(trace);
    const name = attributes['concept:name'];
    if (name === undefined) throw new Error(`A case lacks its name: ${JSON.stringify(attributes)}`);
    return { name, attributes, events: (trace.event ?? []).map(readEvent) };
  });
}

function readEvent(event: Attributes): XesEvent {
  const attributes = attributesOf(event);
  const at = new Date(attributes['time:timestamp'] ?? '');
  const activity = attributes['concept:name'];
  if (activity === undefined || Number.isNaN(at.getTime()))
    throw new Error(`An event lacks its name or time: ${JSON.stringify(attributes)}`);
  return { activity, at, attributes };
}

function attributesOf(node: Attributes): Record<string, string> {
  return Object.fromEntries(
    ATTRIBUTE_TAGS.flatMap((tag) => node[tag] ?? []).map(({ key, value }) => [key, value]),
  );
}
