import { InvalidDefinition } from '@backstory/events';
import { Projection, declaredProjection } from './projection-decorator.js';
import type { ProjectionOptions } from './projection-options.js';

it('a projection is called what its decorator says, and a subclass is none until it has a name of its own', () => {
  @Projection('balances', { version: 1 })
  class Balances {}
  class Other extends Balances {}
  expect(declaredProjection(Balances)).toEqual({ name: 'balances', options: { version: 1 } });
  expect(declaredProjection(Other)).toBeUndefined();
});

it.each(['', 'a/b', 'a\nb', 'x'.repeat(257), 7])('%j is no name for a projection', (name) => {
  expect(() => Projection(name as string, { version: 1 })(class Balances {})).toThrow(InvalidDefinition);
});

it.each([
  [{ version: 0 }, 'needs a version'],
  [{}, 'needs a version'],
  [{ version: 1, key: 'owner' }, '`key`'],
  [{ version: 1, indexes: ['a..b'] }, '`indexes`'],
  [{ version: 1, target: 'disk' }, '`target`'],
  [{ version: 1, changed: 'ask' }, '`changed`'],
  [{ version: 1, index: [] }, 'index'],
])('%j is refused with what to write instead', (options, message) => {
  expect(() => Projection('balances', options as ProjectionOptions)(class Balances {})).toThrow(message);
});

it('a class has one name', () => {
  expect(() => {
    @Projection('one', { version: 1 })
    @Projection('two', { version: 1 })
    class Balances {}
    return Balances;
  }).toThrow(/Balances has two @Projection/);
});
