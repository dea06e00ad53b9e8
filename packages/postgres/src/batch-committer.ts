import type { CheckedAppend, Committed } from '@backstory/core/store';
import { appendOutcomes, appendStatement, lockWaitOf, type AppendRow } from './append-batch.js';
import { newAppends, type NewAppendsRow } from './new-appends.js';
import type { Run } from './session.js';

/**
 * Commits batches of appends, each in one transaction. What mostly comes are new appends at versions that hold, and these need no
 * look at what is in the log. Where that turns out wrong the batch is committed again, looking; and so is the next
 * one at once, because repetitions and conflicts come in flocks.
 */
export class BatchCommitter {
  private looks = false;

  /** @param schema quoted */
  constructor(private readonly schema: string) {}

  async commit(run: Run, batch: readonly CheckedAppend[]): Promise<Committed> {
    return (this.looks ? undefined : await this.asNew(run, batch)) ?? (await this.looking(run, batch));
  }

  private async asNew(run: Run, batch: readonly CheckedAppend[]): Promise<Committed | undefined> {
    const appends = newAppends(this.schema, batch);
    if (!appends) return undefined;
    try {
      return appends.outcomes(await run<NewAppendsRow>(appends.statement));
    } catch (error) {
      if (isIdThere(error)) return undefined;
      throw error;
    }
  }

  private async looking(run: Run, batch: readonly CheckedAppend[]): Promise<Committed> {
    const rows = await run<AppendRow>(appendStatement(this.schema, batch));
    const outcomes = appendOutcomes(batch, rows);
    this.looks = !outcomes.every((outcome) => 'result' in outcome && !outcome.result.repeated);
    return { outcomes, lockWaitMs: lockWaitOf(rows) };
  }
}

/** The index of ids refused a row. */
function isIdThere(error: unknown): boolean {
  const { code, constraint } = error as { code?: string; constraint?: string };
  return code === '23505' && constraint === 'events_id_key';
}
