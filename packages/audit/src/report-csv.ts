import { effectTexts, shortened, timeText, visible, type ReportFormat } from './report-text.js';

const COLUMNS = [
  'position',
  'recorded',
  'happened',
  'actor',
  'application',
  'tenant',
  'stream',
  'version',
  'type',
  'event',
  'command',
  'cause',
  'cause event',
  'flow',
  'effect',
  'data',
  'verified',
];

/**
 * CSV of RFC 4180, in UTF-8 with a byte order mark, which spreadsheets ask for. A cell that a spreadsheet would take for a formula
 * begins with an apostrophe (https://owasp.org/www-community/attacks/CSV_Injection), and none is longer than it can hold.
 */
export const csvReport: ReportFormat = {
  begin: () => `\ufeff${row(COLUMNS)}`,
  entry(entry, { verified }) {
    const { position, recordedAt, occurredAt, actor, application, tenant, stream, version, type, id } = entry;
    const { command, cause, correlationId, data } = entry;
    const led = cause?.event ? `${cause.event.type} (${cause.event.stream} v${cause.event.version})` : '';
    return row([
      String(position),
      timeText(recordedAt),
      occurredAt ?? '',
      actor ?? '',
      application ?? '',
      tenant ?? '',
      stream,
      String(version),
      type,
      id,
      command ?? '',
      led,
      cause?.id ?? '',
      correlationId ?? '',
      effectTexts(entry).join('; '),
      data,
      verified ?? 'no',
    ]);
  },
  end: () => '',
};

/** What a cell of a spreadsheet can hold, with room for what is said of the rest. */
const LONGEST = 32_000;

function row(cells: readonly string[]): string {
  return `${cells.map(cell).join(',')}\r\n`;
}

function cell(text: string): string {
  const shown = visible(shortened(text, LONGEST / 2)).slice(0, LONGEST);
  const harmless = shown.replace(FORMULA, "$1'$2");
  return /[",\r\n']|^\s|\s$/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/** Also behind blanks and quotes, in the wide forms that some spreadsheets take for the same, and where others begin a cell: behind `;`. */
const FORMULA = /(^|;)([\s"]*[=+\-@|%＝＋－＠])/g;
