import type { Run } from './session.js';

type Row = readonly [below: string, isPlain: 't' | 'f', lacking: string | null];

/**
 * What could hide events from some reads, or show others, though every event that is read by its position is as it was: events
 * below the first position, a table that is none or has rules, and indexes that the server does not keep whole. Indexes that somebody
 * added, or is building, hide nothing.
 *
 * @param schema quoted
 */
export async function examine(run: Run, schema: string): Promise<readonly string[]> {
  const table = `'${schema.replaceAll("'", "''")}.events'::regclass`;
  const text = `select (select count(*) from ${schema}.events where position < 1),
    (select relkind = 'r' and not relrowsecurity and not relhassubclass and not relhasrules from pg_class where oid = ${table}),
    (select string_agg(indexrelid::regclass::text, ', ') from pg_index join pg_class own on own.oid = indexrelid where indrelid = ${table}
      and indisvalid and (not indisready or relname like 'events\\_%' and indpred is not null
        and pg_get_expr(indpred, indrelid) <> '(causation_id IS NOT NULL)'))`;
  const [[below, isPlain, lacking]] = (await run<Row>({ text })) as [Row];
  return [
    ...(Number(below) === 0 ? [] : [`rows below position 1, where the log begins: ${below}`]),
    ...(isPlain === 't' ? [] : ['its table of events is a view, or has rules, policies or parts']),
    ...(lacking === null ? [] : [`these indexes do not have every event: ${lacking}`]),
  ];
}
