import {
  effectTexts,
  shortened,
  timeText,
  visible,
  whoTexts,
  whyTexts,
  type ReportFormat,
} from './report-text.js';

/** One page of HTML that needs nothing else and runs nothing: its own policy forbids scripts, pictures and addresses. */
export const htmlReport: ReportFormat = {
  begin({ title, logId, head, madeAt, chosen, verified }) {
    const facts = [
      ['log', `${logId}, up to position ${head}`],
      ['made', timeText(madeAt)],
      ...chosen,
      ['checked', verified ?? UNCHECKED],
    ];
    const rows = facts.map(([name, value]) => `<dt>${safe(name)}</dt><dd>${safe(value)}</dd>`).join('');
    return `${OPENING.replace('{title}', () => safe(title))}<h1>${safe(title)}</h1>\n<dl>${rows}</dl>\n${READING}${TABLE}`;
  },
  entry(entry) {
    const { position, recordedAt, occurredAt, type, stream, version, id, data } = entry;
    const when = `<time>${timeText(recordedAt)}</time>${occurredAt === null ? '' : `<br>happened ${safe(occurredAt)}`}`;
    const what = `<b>${safe(type)}</b><br>${safe(stream)} v${version}<br><small>${safe(id)}</small><pre>${safe(shortened(data))}</pre>`;
    const cells = [
      String(position),
      when,
      lines(whoTexts(entry)),
      what,
      lines(whyTexts(entry)),
      lines(effectTexts(entry)),
    ];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>\n`;
  },
  end: (count) => `</tbody></table>\n<p>${count} ${count === 1 ? 'event' : 'events'}.</p>\n</body></html>\n`,
};

const OPENING = `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width"><title>{title}</title>
<style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #111; background: #fff }
table { border-collapse: collapse; width: 100% }
th, td { border: 1px solid #999; padding: .3em .5em; text-align: left; vertical-align: top; overflow-wrap: anywhere }
th { background: #eee; position: sticky; top: 0 }
pre { margin: .3em 0 0; white-space: pre-wrap; font-size: 12px }
dt { float: left; clear: left; width: 8em; font-weight: bold } dd { margin-left: 8em }
p { max-width: 60em }
@media print { th { position: static } tr { break-inside: avoid } }
</style></head><body>
`;

const UNCHECKED =
  'not for this report, which says what the log says; whether the log is as it was sealed, "backstory audit verify" tells';

/** For whoever has never seen a log. */
const READING = `<h2>How to read it</h2>
<p>Each row is one thing that happened, in the order in which it was recorded; nothing is ever removed from the record, and what was wrong is
put right by a later row. All times are in UTC.</p>
<dl><dt>position</dt><dd>its number in the whole record</dd>
<dt>when</dt><dd>when it was recorded; and when it happened, where that is known</dd>
<dt>who</dt><dd>the person or program that asked for it, and the application through which</dd>
<dt>what</dt><dd>the kind of thing, the case that it belongs to and its number there, its identifier, and what was written down of it</dd>
<dt>why</dt><dd>what was asked for, and what led to it</dd>
<dt>effect</dt><dd>what it changed in the case: before → after</dd></dl>
`;

const TABLE = `<table><thead><tr><th scope="col">position</th><th scope="col">when</th><th scope="col">who</th><th scope="col">what</th><th scope="col">why</th><th scope="col">effect</th></tr></thead><tbody>\n`;

function lines(texts: readonly string[]): string {
  return texts.map((text) => safe(shortened(text, 500))).join('<br>');
}

function safe(text: string): string {
  return visible(text).replace(/[&<>"'`=]/g, (it) => `&#${it.charCodeAt(0)};`);
}
