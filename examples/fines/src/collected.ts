import type { App } from 'backstory';
import { sqlProjection } from 'backstory/projection';
import { FineCreated, PaymentReceived } from './fine';

/** Fines and their payments as tables, for questions that are a matter of SQL. */
export const collected = sqlProjection('collected', {
  version: 1,
  tables: {
    fines: { columns: { fine: 'text', article: 'integer not null' }, key: ['fine'] },
    payments: {
      columns: { fine: 'text', version: 'integer', cents: 'integer not null' },
      key: ['fine', 'version'],
    },
  },
  events: { FineCreated, PaymentReceived },
  handle: {
    FineCreated: ({ article }, { stream }, { sql, fines }) =>
      sql`insert into ${fines} (fine, article) values (${stream}, ${article})`,
    PaymentReceived: ({ amount }, { stream, version }, { sql, payments }) =>
      sql`insert into ${payments} (fine, version, cents) values (${stream}, ${version}, ${amount})`,
  },
});

/** What was collected under an article of the law. */
export interface Collected {
  readonly article: number;
  readonly payments: number;
  readonly cents: number;
}

/** By article, the largest sums first. */
export function collectedByArticle(app: App): Promise<readonly Collected[]> {
  return app.tables(collected).query(({ sql, fines, payments }) => {
    return sql<Collected>`select article, count(*) as payments, cast(sum(cents) as bigint) as cents
      from ${payments} p join ${fines} f on f.fine = p.fine
      group by article order by cents desc, article`;
  });
}
