import type { StateEntry, StateQuery, StateTransaction, StateView } from '@backstory/core/state';

/** All that is in a part of a collection, in pages that are small enough to be gone before the next comes. */
export async function* pagesOf(
  view: StateView,
  collection: string,
  { after = '', ...bounds }: Pick<StateQuery, 'prefix' | 'after' | 'upTo'>,
): AsyncGenerator<readonly StateEntry[], void> {
  for (;;) {
    const page = await view.list(collection, { ...bounds, after, limit: PAGE });
    if (page.length > 0) yield page;
    if (page.length < PAGE) return;
    after = page.at(-1)!.key;
  }
}

/** All under keys with a prefix, at once: for what there is little of. */
export async function rowsOf(
  view: StateView,
  collection: string,
  prefix = '',
): Promise<readonly StateEntry[]> {
  const rows: StateEntry[] = [];
  for await (const page of pagesOf(view, collection, { prefix })) rows.push(...page);
  return rows;
}

/** Removes all under keys with a prefix. */
export async function clear(tx: StateTransaction, collection: string, prefix: string): Promise<void> {
  for await (const rows of pagesOf(tx, collection, { prefix }))
    await tx.deleteMany(
      collection,
      rows.map(({ key }) => key),
    );
}

const PAGE = 2_000;
