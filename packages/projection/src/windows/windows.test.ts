import { DomainEvent, UnstorableValue } from '@backstory/events';
import { projection } from '../definition/functional-projection.js';
import { distinct } from './distinct.js';
import { count } from './number-reducers.js';
import { reducer } from './reducer.js';
import { tumbling } from './shapes.js';
import { mostFrequent } from './top.js';
import { windowFold } from './window-fold.js';
import { windows } from './windows.js';

@DomainEvent('thing.counted')
class Counted {}

const made = (more: object) =>
  windows('w', {
    ...{ version: 1, events: { Counted }, value: { Counted: () => 1 }, shape: tumbling({ count: 1 }) },
    ...more,
  }).reduce({ n: count() });

it.each([
  [
    'indexes: the documents are of their own form',
    () => made({ indexes: ['time'] }),
    /indexes: is no option here/,
  ],
  ['a misspelt option', () => made({ shap: 1 }), /shap: is no option here: there are .*shape/],
  ['nothing', () => windows('w', undefined as never), /options: must be an object, not undefined/],
  [
    'reducers without names',
    () => windowFold(tumbling({ count: 1 })).reduce([count()]),
    /needs names for its reducers/,
  ],
  [
    'a value of no event',
    () => made({ value: { Counted: () => 1, Other: () => 2 } }),
    /has a value of Other/,
  ],
])('windows with %s are refused', (_, make, message) => {
  expect(make).toThrow(message);
});

const parts = { initial: 0, add: (held: number) => held };
it.each([
  ['a misspelt option', () => reducer({ ...parts, mrege: () => 0 } as never), /mrege: is no option/],
  [
    'a merge that is no function',
    () => reducer({ ...parts, merge: 5 } as never),
    /has a `merge` that is no func/,
  ],
  [
    'a result that is no function',
    () => reducer({ ...parts, result: 5 } as never),
    /has a `result` that is no/,
  ],
  [
    'a misspelt limit of distinct',
    () => distinct((it: string) => it, { limt: 16 } as never),
    /limt: is no opt/,
  ],
  [
    'a misspelt weight',
    () => mostFrequent(1, (it: string) => it, { wight: 1 } as never),
    /wight: is no option/,
  ],
])('a reducer with %s is refused', (_, make, message) => {
  expect(make).toThrow(message);
});

it.each([
  ['Infinity, which min would begin with', Infinity],
  ['-Infinity', -Infinity],
  ['NaN', NaN],
  ['a Set', new Set()],
  ['a function', () => 0],
  ['a promise', Promise.resolve(0)],
])('a reducer does not begin with %s: there is no JSON of it', (_, initial) => {
  expect(() => reducer({ initial, add: (held) => held })).toThrow(UnstorableValue);
  expect(() => reducer({ initial: { least: initial }, add: (held) => held })).toThrow(
    /^reducer\.initial\.least/,
  );
});

it.each([
  ['is there', async () => 5],
  ['is missing', async () => undefined],
  ['is refused', async () => Promise.reject(new Error('not this one'))],
])('a value that comes later is not counted, whether it %s', (_, value) => {
  const { name, folds, fold } = made({ value: { Counted: value } });
  const recorded = { recordedAt: new Date(0), metadata: { occurredAt: new Date(0).toISOString() } };
  const run = () => folds[0]!.run(fold.begin(), new Counted(), recorded as never, name, () => undefined);
  expect(run).toThrow('the function of the value returned a promise, and a fold waits for nothing');
});

it('an index is named once', () => {
  const twice = () =>
    projection('p', {
      ...{ version: 1, indexes: ['a', 'b', 'a'], initial: { a: 1 } },
      ...{ events: { Counted }, fold: { Counted: (it: { a: number }) => it } },
    });
  expect(twice).toThrow(/has the index a twice/);
});
