import { auditEntries, auditReport, type ReportOptions, type ReportQuery } from '@backstory/audit';
import { UsageError } from '../errors.js';
import { Paper } from '../paper.js';
import type { AuditCall } from './audit-call.js';

/** `audit report`: who did what, when, why, and with which effect. */
export async function report(audit: AuditCall): Promise<void> {
  const { call, options } = audit;
  const query = queryOf(audit);
  if (call.report.asJson && options.format !== undefined && options.out === undefined)
    throw new UsageError(
      'conflicting-options',
      '--json is a format of its own: leave out --format, or write the report to a file with --out.',
    );
  const format = (options.format ?? 'markdown') as ReportOptions['format'];
  await audit.withSource(async (source) => {
    if (call.report.asJson && options.out === undefined)
      return call.report.list({
        key: 'entries',
        items: auditEntries(source, query),
        text: () => [],
        empty: NOTHING_CHOSEN,
      });
    if (await choosesNothing(source, query)) await call.report.note(NOTHING_CHOSEN);
    const parts = auditReport(source, { format, ...query });
    if (options.out !== undefined) {
      const file = await audit.write(options.out, parts);
      return call.report.answer({ file }, (paper) => [`The report is in ${paper.name(file)}`]);
    }
    const paper = new Paper(call.io.stdout, call.io);
    for await (const part of parts) await paper.write(part);
  });
}

const NOTHING_CHOSEN =
  'No event was chosen: look at --stream, --type, --actor and the times; "backstory streams" and "backstory events" show what there is.';

async function choosesNothing(...[source, query]: Parameters<typeof auditEntries>): Promise<boolean> {
  for await (const entry of auditEntries(source, query)) return !entry;
  return true;
}

/** Which events are meant. @throws UsageError */
export function queryOf({ options, signal }: AuditCall): ReportQuery {
  const { from, to, stream, type, actor } = options;
  if (from && to && from > to)
    throw new UsageError('conflicting-options', 'No time is from --from up to --to: give a later --to.');
  return {
    ...(from && { from }),
    ...(to && { to }),
    ...(stream && { streams: stream }),
    ...(type && { types: type }),
    ...(actor !== undefined && { actor }),
    ...signal,
  };
}
