import type { LogIdentity } from '@backstory/core';

/** What is wrong with the last position of a log: behind one that is none, nothing could be told from nothing new. */
export function headProblem({ head }: Pick<LogIdentity, 'head'>): string | undefined {
  if (Number.isSafeInteger(head) && head >= 0) return undefined;
  return `its last position is ${head}, and no log has that`;
}
