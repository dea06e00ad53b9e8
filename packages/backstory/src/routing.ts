/** Filters, routing rules, topics, and what the bus of an application takes and gives. */
export {
  Filter,
  FilterNotSerialisable,
  InvalidExpression,
  InvalidFilter,
  where,
  type FilterExplanation,
} from '@backstory/router/filter';
export {
  BusClosed,
  HandlerTimedOut,
  InvalidRule,
  drop,
  topic,
  type BusHandler,
  type Delivery,
  type EventBus,
  type HandlerOutcome,
  type ListenOptions,
  type Middleware,
  type PublishOptions,
  type Published,
  type Router,
  type RoutingExplanation,
  type Rule,
  type RuleDecision,
  type Topic,
} from '@backstory/router/bus';
