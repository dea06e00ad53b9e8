import type { Client } from 'pg';
import { leftSql, type Left } from '../batches.js';
import { rowsOf } from './bare-database.js';

/** What has come into a log since it was last looked at, and in how many transactions, by what the server notes of rows. */
export class LeftBehind {
  private seen = '0';

  constructor(private readonly client: Client) {}

  async look(): Promise<Left & { readonly transactions: number }> {
    const values = [this.seen];
    const [row] = await rowsOf<[string, string, string, string, string]>(this.client, {
      text: leftSql('$1'),
      values,
    });
    const [[transactions] = ['0']] = await rowsOf<[string]>(this.client, { text: TRANSACTIONS, values });
    const [events, streams, gaps, bytes] = row!.map(Number) as [number, number, number, number];
    this.seen = row![4];
    return { events, streams, gaps, bytes, transactions: Number(transactions) };
  }
}

const TRANSACTIONS = 'select count(distinct xmin::text) from events where position > $1';
