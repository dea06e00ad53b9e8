export { Big } from 'big.js';
export type { AnyClass, Class } from './class-table.js';
export { DomainEvent, type DomainEventOptions, type Upcaster } from './domain-event.js';
export {
  DuplicateEventType,
  InvalidData,
  InvalidDefinition,
  MissingUpcaster,
  NotAnEvent,
  PrivateState,
  UnknownEventType,
  UnreadableEvent,
  UnreadableValue,
  UnstorableValue,
  UpcastFailed,
  type Violation,
} from './errors.js';
export { EventHandler, Ignores, type EventCondition, type ReactionOptions } from './event-handler.js';
export type { EncodedEvent, EventType } from './event-type.js';
export { EventTypes } from './event-types.js';
export { Field, Fields, fieldsOf } from './field.js';
export type { FieldType } from './field-type.js';
export { bigint, decimal, instant, listOf, mapOf, nested, personal, setOf } from './field-types.js';
export { decodeInstance, encodeInstance } from './instance-codec.js';
export type { Json, JsonObject } from './json.js';
