import { silent, type Observer } from '@backstory/core/observe';

/** An observer that hears every seam that belongs to subscriptions, and what it was told. */
export function listening() {
  const told: string[] = [];
  const observer: Observer = {
    ...silent,
    handle: async (begin, work) => {
      const { handler, attempt } = begin();
      let outcome = '';
      try {
        return await work((end) => (outcome = end().outcome));
      } finally {
        told.push(`handle ${handler} ${attempt} ${outcome}`);
      }
    },
    park: (facts) => {
      const { key, state, leftOut = '' } = facts();
      told.push(`park ${key} ${state} ${leftOut}`.trimEnd());
    },
    retry: (facts) => void told.push(`retry ${facts().handler} ${facts().attempt}`),
    consumer: (facts) => void told.push(`consumer ${facts().consumer} ${facts().change}`),
    checkpoint: (facts) => void told.push(`checkpoint ${facts().consumer}`),
    lease: (facts) => void told.push(`lease ${facts().change}`),
    page: (facts) => void told.push(`page ${facts().follower}`),
  };
  return { told, observer };
}
