import type { EventSourcedAggregate } from '@backstory/aggregate';
import type { OpenStorage } from '@backstory/core';
import type { OwnMetrics } from '@backstory/core/observability';
import type { Observer } from '@backstory/core/observe';
import type { Class, EventTypes } from '@backstory/events';
import type { SchedulerOptions } from '@backstory/process';
import type { ProjectionSource } from '@backstory/projection';
import type { CacheOptions } from '@backstory/repository';
import type { Rule } from '@backstory/router/bus';
import type { CommandSource } from './command-source.js';
import type { Observation } from './observation.js';

/** What an app of this class is put together from. */
export interface AppParts<App> {
  readonly name: string;
  readonly types: EventTypes;
  readonly aggregates: readonly Class<EventSourcedAggregate>[];
  readonly log: OpenStorage;
  /** Where state lives, when not beside the log. */
  readonly elsewhere: OpenStorage | undefined;
  readonly readOnly: boolean;
  readonly cache: CacheOptions | undefined;
  readonly verifyLoads: number | undefined;
  readonly appendTimeoutMs: number | undefined;
  readonly projections: readonly ProjectionSource[];
  readonly projectionLeaseMs: number | undefined;
  readonly rules: readonly Rule[];
  readonly commands: readonly CommandSource<App>[];
  readonly schedules: SchedulerOptions | undefined;
  readonly observer: Observer | undefined;
  readonly metrics: OwnMetrics | undefined;
  readonly observation: Observation | undefined;
}
