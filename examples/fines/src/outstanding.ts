import { EventHandler, type App, type RecordedEvent } from 'backstory';
import { Projection } from 'backstory/projection';
import { FineCreated, FineSent, PaymentReceived, PenaltyAdded } from './fine';

/** What is still to be paid of each fine, with the article of the law and the month in which it was made. One document a fine. */
@Projection('outstanding', { version: 1, indexes: ['article', 'month', 'outstanding'] })
export class OutstandingFine {
  article = 0;
  month = '';
  outstanding = 0;
  private due = 0;
  private expenses = 0;
  private paid = 0;

  @EventHandler(FineCreated) created(
    { article, amount }: FineCreated,
    { metadata }: RecordedEvent<FineCreated>,
  ): void {
    this.article = article;
    this.month = metadata.occurredAt.slice(0, 7);
    this.due = amount;
    this.settle();
  }

  @EventHandler(FineSent) sent({ expense }: FineSent): void {
    this.expenses += expense;
    this.settle();
  }

  @EventHandler(PenaltyAdded) penalised({ amount }: PenaltyAdded): void {
    this.due = amount;
    this.settle();
  }

  @EventHandler(PaymentReceived) received({ amount }: PaymentReceived): void {
    this.paid += amount;
    this.settle();
  }

  private settle(): void {
    this.outstanding = Math.max(0, this.due + this.expenses - this.paid);
  }
}

/** Cents that are outstanding, by article and month, the largest sums first. */
export async function outstandingByArticleAndMonth(app: App) {
  const sums = new Map<string, { article: number; month: string; fines: number; cents: number }>();
  let after: string | undefined;
  do {
    const page = await app.projection(OutstandingFine).find({
      where: { outstanding: { '>': 0 } },
      limit: 1_000,
      ...(after !== undefined && { after }),
    });
    for (const { document } of page.documents) {
      const { article, month, outstanding } = document;
      const key = `${article} ${month}`;
      const sum = sums.get(key) ?? { article, month, fines: 0, cents: 0 };
      sums.set(key, { ...sum, fines: sum.fines + 1, cents: sum.cents + outstanding });
    }
    after = page.next;
  } while (after !== undefined);
  return [...sums.values()].sort((a, b) => b.cents - a.cents || a.month.localeCompare(b.month));
}
