/** For packages that build on event classes: what decorators wrote, and the checks that everything stored goes through. */
export { ClassTable, metadataOf } from './class-table.js';
export { definitionOf, type EventDefinition } from './domain-event.js';
export { foldsOnly, handlersOf, ignoredBy, type HandlerRow } from './event-handler.js';
export { classOfEvent, eventTypeOf } from './event-type.js';
export { objectOf, type ObjectFields } from './field-types.js';
export { checkMetadata, type GivenMetadata } from './given-metadata.js';
export { encodeInstance, encodeValue, readFields } from './instance-codec.js';
export { formatPath, type PathStep } from './path.js';
export { refusePrivateState } from './private-state.js';
export { awaitRules, checkRules } from './rules.js';
export { isPlain } from './unstorable.js';
export { internals } from './value-writer.js';
