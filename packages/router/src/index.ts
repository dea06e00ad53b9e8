export type { ReplayQuery } from './subscription/replay-query.js';
export type { OutcomeQuery, SubscriptionOutcome } from './subscription/outcome-list.js';
export type { AskedBy } from '@backstory/core/administration';
export type { ParkedQuery } from './subscription/parked-list.js';
export { SubscriptionAdmin } from './subscription/subscription-admin.js';
export type { SubscriptionStatus } from './subscription/subscription-status.js';
export { Subscriptions, type SubscriptionsParts } from './subscription/subscriptions.js';
export { Subscriber, declaredSubscriber, type DeclaredSubscriber } from './subscription/subscriber.js';
export { subscriber, type FunctionalSubscriber } from './subscription/subscription-definition.js';
export { BatchHandler, batchReaction, type BatchSettings } from './subscription/batch-reaction.js';
export type { BatchDelivery } from './subscription/batch.js';
export { reaction, type Reaction, type ReactionSettings } from './subscription/reaction.js';
export type { Delivery, Once } from './subscription/delivery.js';
export type {
  BreakerOptions,
  OutcomeRetentionOptions,
  RetryOptions,
  SubscriptionOptions,
} from './subscription/subscription-options.js';
export type { HandledOptions } from './subscription/handled-waits.js';
export type { Lifecycle, LifecycleStep } from './subscription/lifecycle.js';
export type { Outcome } from './subscription/outcome.js';
export type { FailureKind, ParkedError, ParkedKey } from './subscription/parked-key.js';
export {
  DeliveryEnded,
  OnceTimedOut,
  KeyNotParked,
  OlderCode,
  NotHandled,
  EventNotFound,
  SubscriptionExists,
  SubscriptionNotFound,
  SubscriptionsClosed,
} from './subscription/errors.js';
export { findEvent } from './subscription/find-event.js';
export { HandlerTimedOut } from './bus/errors.js';
