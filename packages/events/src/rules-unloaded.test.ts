jest.mock('class-validator', () => {
  throw new Error('class-validator was loaded');
});
import { DomainEvent } from './domain-event.js';
import { EventTypes } from './event-types.js';

it('class-validator is not loaded unless somebody else loads it', () => {
  @DomainEvent('noted')
  class Noted {}
  expect(new EventTypes([Noted]).encode(new Noted()).data).toBe('{}');
  expect(globalThis).not.toHaveProperty('classValidatorMetadataStorage');
});
