import type { ReplaySource } from '@backstory/replay';
import { auditEntries, type ReportQuery } from './audit-entries.js';
import { csvReport } from './report-csv.js';
import { htmlReport } from './report-html.js';
import { markdownReport } from './report-markdown.js';
import { timeText, type ReportFacts, type ReportFormat } from './report-text.js';

/** How a report is written. */
export interface ReportOptions extends ReportQuery {
  readonly format: 'markdown' | 'html' | 'csv';
  readonly title?: string;
  /** What verifying the log said; it stands at the top. */
  readonly verified?: string;
}

const FORMATS: Readonly<Record<ReportOptions['format'], ReportFormat>> = {
  markdown: markdownReport,
  html: htmlReport,
  csv: csvReport,
};

/**
 * Who did what, when, why, and with which effect on the state, in parts as they become known. What stands in events is made
 * harmless for whoever opens the report: it may have been written by anybody.
 */
export async function* auditReport(
  source: ReplaySource,
  { format, title = 'What was done', verified, ...query }: ReportOptions,
): AsyncGenerator<string, void> {
  const report = FORMATS[format];
  const { logId, head } = await source.events.identity();
  const facts: ReportFacts = {
    title,
    logId,
    head,
    madeAt: new Date(),
    chosen: chosen(query),
    verified: verified ?? null,
  };
  yield report.begin(facts);
  let count = 0;
  for await (const it of auditEntries(source, query)) {
    yield report.entry(it, facts);
    count++;
  }
  yield report.end(count);
}

function chosen({ from, to, streams, types, actor }: ReportQuery): ReportFacts['chosen'] {
  const asked: readonly (readonly [string, string | undefined])[] = [
    ['from', from && timeText(from)],
    ['to', to && timeText(to)],
    ['streams', streams?.join(', ')],
    ['types', types?.join(', ')],
    ['actor', actor],
  ];
  return asked.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}
