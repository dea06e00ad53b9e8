/** Events handed to the handlers of this process, and the rules that lead them to topics. */
export { EventBus, type EventBusOptions } from './bus/event-bus.js';
export type { HandedOut, PublishOptions, Published } from './bus/published.js';
export type { HandlerOutcome } from './bus/deliver.js';
export type { BusHandler, Delivery, ListenOptions } from './bus/listener.js';
export {
  drop,
  type AboutPublishing,
  type Drop,
  type Dropped,
  type Middleware,
  type MiddlewareAnswer,
} from './bus/middleware.js';
export { BusClosed, HandlerTimedOut, MiddlewareTimedOut } from './bus/errors.js';
export { Router, type Route, type RoutingExplanation, type RuleDecision } from './rule/router.js';
export type { ActiveRule, Rule } from './rule/rule.js';
export { topic, type Topic } from './rule/topic.js';
export { InvalidRule } from './rule/errors.js';
