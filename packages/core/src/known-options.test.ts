import { knownOptions, type OptionNames } from './known-options.js';

interface Options {
  readonly commandId?: string;
  readonly attempts?: number;
}
const NAMES: OptionNames<Options> = { commandId: true, attempts: true };

test('options that there are pass, also when they are left out', () => {
  expect(knownOptions({ commandId: 'a' }, NAMES)).toEqual({ commandId: 'a' });
  expect(knownOptions({}, NAMES)).toEqual({});
});

test.each(['commandID', 'constructor', '__proto__x', ''])(
  'what is none, %j, is refused with those there are',
  (name) => {
    const options = { attempts: 1, [name]: 'a' };
    expect(() => knownOptions(options, NAMES)).toThrow(
      expect.objectContaining({
        code: 'BACKSTORY_INVALID_OPTION',
        option: name,
        message: `${name}: is no option here: there are commandId, attempts.`,
      }),
    );
  },
);

test('the compiler sees that no name is missing', () => {
  // @ts-expect-error without attempts
  const names: OptionNames<Options> = { commandId: true };
  expect(Object.keys(names)).toEqual(['commandId']);
});
