import { isUtf8 } from 'node:buffer';

/**
 * A path of git, which is bytes, as text that gives the same bytes back: UTF-8 as it is, anything else in git's own quotes
 * (`"caf\351"`). So are paths that begin with a quote, and the one name that objects cannot hold.
 */
export function pathText(bytes: Buffer): string {
  const text = bytes.toString();
  if (isUtf8(bytes) && !text.startsWith('"') && text !== '__proto__') return text;
  const quoted = Array.from(bytes, (byte) => {
    const char = String.fromCharCode(byte);
    return /[ !#-[\]-~]/.test(char) ? char : `\\${byte.toString(8).padStart(3, '0')}`;
  });
  // Else it would read like the name itself.
  return `"${text === '__proto__' ? '\\137_proto__' : quoted.join('')}"`;
}

/** The bytes of a path that `pathText` wrote. */
export function pathBytes(text: string): Buffer {
  if (!text.startsWith('"')) return Buffer.from(text);
  const unquoted = text.slice(1, -1).replace(/\\([0-3][0-7]{2})/g, (_, octal: string) => {
    return String.fromCharCode(parseInt(octal, 8));
  });
  return Buffer.from(unquoted, 'latin1');
}
