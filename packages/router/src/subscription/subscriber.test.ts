import { InvalidDefinition } from '@backstory/events';
import { Subscriber, declaredSubscriber } from './subscriber.js';

it('a subscriber is called what its decorator says, and a subclass is nobody until it has a name of its own', () => {
  @Subscriber('fraud')
  class FraudDesk {}
  class Quiet extends FraudDesk {}
  @Subscriber('night fraud')
  class Night extends FraudDesk {}
  expect([FraudDesk, Quiet, Night].map((it) => declaredSubscriber(it)?.name)).toEqual([
    'fraud',
    undefined,
    'night fraud',
  ]);
});

it.each(['', 'a/b', 'a\nb', 'x'.repeat(257), 7])('%j is no name for a subscriber', (name) => {
  expect(() => Subscriber(name as string)(class Desk {})).toThrow(InvalidDefinition);
});

it('a class has one name', () => {
  expect(() => {
    @Subscriber('one')
    @Subscriber('two')
    class Desk {}
    return Desk;
  }).toThrow(/Desk has two @Subscriber/);
});
