import {
  effectTexts,
  shortened,
  timeText,
  visible,
  whoTexts,
  whyTexts,
  type ReportFormat,
} from './report-text.js';

/** Markdown in which texts of others are only text: no links, no HTML, no headings. */
export const markdownReport: ReportFormat = {
  begin({ title, logId, head, madeAt, chosen, verified }) {
    const facts = [
      ['log', `${logId}, up to position ${head}`],
      ['made', timeText(madeAt)],
      ...chosen,
      ['verified', verified ?? 'no: this report says what the log says'],
    ];
    return `# ${plain(title)}\n\n${facts.map(([name, value]) => `- **${plain(name)}** ${plain(value)}\n`).join('')}\n`;
  },
  entry(entry) {
    const { position, type, stream, version, recordedAt, occurredAt, id, data } = entry;
    const happened = occurredAt === null ? '' : `, happened ${plain(occurredAt)}`;
    const facts = [
      ['when', `recorded ${timeText(recordedAt)}${happened}`],
      ['who', whoTexts(entry).map(plain).join(', ')],
      ['what', `${plain(stream)} v${version}, event ${plain(id)}`],
      ['why', list(whyTexts(entry)) || 'nothing is said'],
      ['effect', list(effectTexts(entry))],
    ];
    const lines = facts.map(([name, value]) => `- **${name}** ${value}\n`).join('');
    return `## ${position} · ${plain(type)}\n\n${lines}\n${code(shortened(data))}\n\n`;
  },
  end: (count) => `${count} ${count === 1 ? 'event' : 'events'}.\n`,
};

function list(texts: readonly string[]): string {
  return texts.map((text) => plain(shortened(text, 500))).join('; ');
}

/**
 * What means something in the middle of a line of Markdown, also in that of GitHub, behind a backslash; a colon and a dot would
 * make an address a link.
 */
function plain(text: string): string {
  return visible(text).replace(/[\\`*_[\]<>#|~&@$^]|:(?=\/\/)|(?<=www)\./g, '\\$&');
}

/** A line of code: fenced by more backticks than it has in a row. */
function code(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([it]) => it.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}json\n${visible(text)}\n${fence}`;
}
