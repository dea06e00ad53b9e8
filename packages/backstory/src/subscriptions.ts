/** Subscribers, what their handlers are given, and how their subscriptions are doing. */
export {
  DeliveryEnded,
  KeyNotParked,
  Subscriber,
  SubscriptionExists,
  SubscriptionNotFound,
  reaction,
  subscriber,
  type AskedBy,
  type BreakerOptions,
  type Delivery,
  type FailureKind,
  type Once,
  type ParkedKey,
  type ParkedQuery,
  type RetryOptions,
  type SubscriptionOptions,
  type SubscriptionStatus,
  type Subscriptions,
} from '@backstory/router';
export type { SubscriberSource } from './subscribers.js';
