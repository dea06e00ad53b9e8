import { readFile } from 'node:fs/promises';
import { XMLParser } from 'fast-xml-parser';

/** One case of an XES log (https://www.xes-standard.org): its name, and its events in the order of the file. */
export interface XesCase {
  readonly name: string;
  /** What the log says of the case as a whole. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly events: readonly XesEvent[];
}

/** An event's attributes by key, as text, so that no digit is lost. A date among them is one that `new Date` reads. */
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
    trimValues: false,
    // References by number are read with it, which are XML too.
    htmlEntities: true,
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
  const { 'concept:name': activity, 'time:timestamp': time } = attributes;
  if (activity === undefined || time === undefined)
    throw new Error(`An event lacks its name or time: ${JSON.stringify(attributes)}`);
  // It may have been written as a string.
  checkDate('time:timestamp', time);
  return { activity, at: new Date(time), attributes };
}

function attributesOf(node: Attributes): Record<string, string> {
  for (const { key, value } of node.date ?? []) checkDate(key, value);
  return Object.fromEntries(
    ATTRIBUTE_TAGS.flatMap((tag) => node[tag] ?? []).map(({ key, value }) => [key, value]),
  );
}

/** Without a zone it would be another instant on another machine. */
function checkDate(key: string, value: string): void {
  if (!DATE.test(value) || Number.isNaN(Date.parse(value)))
    throw new Error(
      `${key} "${value}" is no date with a time zone: write it like 2024-01-31T09:30:00+01:00.`,
    );
}

const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
