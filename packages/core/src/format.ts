import { UnknownFormat } from './errors.js';

/** Reads a JSON object that says its format. @throws UnknownFormat when it is anything else */
export function readFormat<Fields extends object>(text: string, wanted: string): Fields {
  const { format, ...fields } = objectIn(text);
  if (format !== wanted)
    throw new UnknownFormat(wanted, typeof format === 'string' ? format : 'something else');
  return fields as Fields;
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const read: unknown = JSON.parse(text);
    return typeof read === 'object' && read !== null ? (read as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
