/**
 * What a scenario says of a mutant. Some defects need a race to show, and a race may not come about: such a scenario is
 * given a few more chances. A mutant that it never finds is a finding.
 */
export async function failureOf(scenario: () => Promise<unknown>, chances = 5): Promise<string> {
  for (let chance = 1; chance <= chances; chance++) {
    const failure = await scenario().then(
      () => undefined,
      (error: Error) => error.message,
    );
    if (failure !== undefined) return failure;
  }
  return `it passed ${chances} times`;
}
