export { captured, type Captured, type CapturedHistory } from './captured.js';
export { given, type Given, type When } from './given.js';
export type { ErrorClass, Expected, ExpectedChange } from './given-outcome.js';
export { describeEventStore, eventStoreCases, type EventStoreCase } from './event-store-suite.js';
export type { EventStoreHarness } from './event-store-harness.js';
export { runCases, type CaseResult, type ConformanceCase } from './conformance.js';
export { describeStateStore, stateStoreCases, type StateStoreCase } from './state-store-suite.js';
export type { StateStoreHarness } from './state-store-harness.js';
