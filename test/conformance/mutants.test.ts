import { eventStoreCases, runCases, stateStoreCases, type ConformanceCase } from '@backstory/testing';
import { eventMutants } from './event-mutants.js';
import { memoryEvents, memoryState } from './memory-harness.js';
import { stateMutants } from './state-mutants.js';

describe('an event store with a planted defect is found out', () => {
  it.each(eventMutants)('$defect ← $killedBy', async ({ killedBy, make }) => {
    const broken = { ...memoryEvents(make), patienceMs: 500, seed: 42 };
    const sound = { ...memoryEvents(), seed: 42 };
    expect(await outcomes(eventStoreCases, killedBy, broken, sound)).toEqual(['failed', 'passed']);
  });
});

describe('a state store with a planted defect is found out', () => {
  it.each(stateMutants)('$defect ← $killedBy', async ({ killedBy, make }) => {
    expect(await outcomes(stateStoreCases, killedBy, memoryState(make), memoryState())).toEqual([
      'failed',
      'passed',
    ]);
  });
});

/** What one case says of the broken store and of the sound one. */
async function outcomes<Harness extends object>(
  cases: readonly ConformanceCase<Harness>[],
  name: string,
  broken: Harness,
  sound: Harness,
): Promise<string[]> {
  const named = cases.filter((one) => one.name === name);
  expect(named.map((one) => one.name)).toEqual([name]);
  const results = [...(await runCases(named, broken)), ...(await runCases(named, sound))];
  return results.map(({ outcome }) => outcome);
}
