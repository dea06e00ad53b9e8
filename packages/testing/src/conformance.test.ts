import { describeCases, type ConformanceCase } from './conformance.js';

type Globals = { describe: unknown; it: unknown };

it('a group of which nothing is run is not registered: Vitest would call it a failure', () => {
  const registered: string[] = [];
  const { describe, it } = globalThis as unknown as Globals;
  const printed = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  Object.assign(globalThis, {
    describe: (name: string, body: () => void) => void (registered.push(name), body()),
    it: (name: string) => void registered.push(name),
  });
  try {
    const run = async () => undefined;
    const groups = new Map<string, readonly ConformanceCase<object>[]>([
      ['all of it', [{ name: 'a', run }]],
      [
        'some of it',
        [
          { name: 'b', run, unless: () => 'it cannot' },
          { name: 'c', run },
        ],
      ],
      ['none of it', [{ name: 'd', run, unless: () => 'it cannot' }]],
    ]);
    describeCases('a store', groups, {});
  } finally {
    Object.assign(globalThis, { describe, it });
  }
  expect(registered).toEqual(['a store', 'all of it', 'a', 'some of it', 'c']);
  expect(printed).toHaveBeenCalledWith('a store: 2 cases not run, because it cannot\n');
});
