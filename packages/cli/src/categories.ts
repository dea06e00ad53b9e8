import { modelOf } from '@backstory/aggregate';
import { categoryOf, type EventStore } from '@backstory/core';
import type { ReplaySource } from '@backstory/replay';
import { UsageError } from './errors.js';

/** The categories that the application folds. */
export function categoriesOf({ aggregates }: Pick<ReplaySource, 'aggregates'>): readonly string[] {
  return aggregates.map((cls) => modelOf(cls).category);
}

/** @throws UsageError for a category that nothing folds */
export function requireCategory(source: Pick<ReplaySource, 'aggregates'>, category: string): void {
  const known = categoriesOf(source);
  if (known.includes(category)) return;
  throw new UsageError(
    'unknown-category',
    `No aggregate folds the category "${category}" (known: ${known.join(', ')}).`,
  );
}

/** @throws UsageError for a category that nothing folds, that has no streams, or that is a stream */
export async function requireStreams(source: ReplaySource, category: string): Promise<void> {
  const known = categoriesOf(source);
  if (!known.includes(category) && known.includes(categoryOf(category)))
    throw new UsageError(
      'unknown-category',
      `${category} is no category: leave --all out to ask this stream, or give --all ${categoryOf(category)}.`,
    );
  requireCategory(source, category);
  await requireInLog(source.events, category);
}

/** @throws UsageError for a category of which a log has no streams */
export async function requireInLog(log: EventStore, category: string): Promise<void> {
  const query = { categories: [category], limit: 1, includeSystem: true };
  for await (const page of log.listStreams(query)) if (page.length > 0) return;
  throw new UsageError(
    'unknown-category',
    `This log has no stream of the category "${category}": see backstory streams.`,
  );
}
