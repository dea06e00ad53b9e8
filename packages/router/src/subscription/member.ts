import type { StateStore } from '@backstory/core';
import type { HeldLease, StateView } from '@backstory/core/state';
import { readFormat } from '@backstory/core/store';
import type { collectionsOf } from './collections.js';
import type { Condition } from './condition.js';

/** How a subscription is doing in one of the processes that run it, as that process said last. */
export interface Member extends Condition {
  readonly owner: string;
  readonly host: string;
  readonly pid: number;
  /** Since when the state is what it is. */
  readonly since: string;
  /** Events read and not handled. */
  readonly buffered: number;
  /** It reads no more until there is room. */
  readonly isFull: boolean;
  /** For how many of them there is room. Processes of an earlier version do not say. */
  readonly capacity?: number;
}

const FORMAT = 'backstory.subscription-member/1';

/** Says it under the lease by which the process shows that it is there. */
export function writeMember(
  state: StateStore,
  { members }: ReturnType<typeof collectionsOf>,
  { lease, place, member }: { readonly lease: HeldLease; readonly place: string; readonly member: Member },
): Promise<void> {
  return state.transaction([lease], (tx) =>
    tx.put(members, place, JSON.stringify({ format: FORMAT, ...member })),
  );
}

/** What they said, by their place. */
export async function readMembers(
  view: StateView,
  { members }: ReturnType<typeof collectionsOf>,
): Promise<ReadonlyMap<string, Member>> {
  const rows = await view.list(members);
  return new Map(rows.map(({ key, value }) => [key, readFormat<Member>(value, FORMAT)]));
}
