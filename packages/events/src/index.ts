export type { AnyClass, Class } from './class-table.js';
export { DomainEvent, definitionOf } from './domain-event.js';
export type { DomainEventOptions, EventDefinition, Upcaster } from './domain-event.js';
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
} from './errors.js';
export type { Violation } from './errors.js';
export { EventHandler, Ignores, foldsOnly, handlersOf, ignoredBy } from './event-handler.js';
export type { HandlerRow, ReactionOptions } from './event-handler.js';
export { eventTypeOf } from './event-type.js';
export type { EncodedEvent, EventType } from './event-type.js';
export { EventTypes } from './event-types.js';
export { Field, Fields, fieldsOf } from './field.js';
export type { FieldType } from './field-type.js';
export { bigint, decimal, instant, listOf, mapOf, nested, setOf } from './field-types.js';
export { decodeInstance, encodeInstance, encodeValue } from './instance-codec.js';
export type { Json, JsonObject } from './json.js';
export { refusePrivateState } from './private-state.js';
export { checkRules } from './rules.js';
export { internals } from './value-writer.js';
