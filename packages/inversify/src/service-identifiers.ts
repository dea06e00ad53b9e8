import type { EventStore, StateStore } from '@backstory/core';
import type { App } from 'backstory';
import type { ServiceIdentifier } from 'inversify';

/**
 * What to inject besides repositories.
 *
 * | identifier | is |
 * |---|---|
 * | `BACKSTORY.app` | the running app |
 * | `BACKSTORY.events` | its log, `app.events` |
 * | `BACKSTORY.state` | where what is derived from the log lives, `app.state` |
 */
export const BACKSTORY = {
  app: identifier<App>('BACKSTORY.app'),
  events: identifier<EventStore>('BACKSTORY.events'),
  state: identifier<StateStore>('BACKSTORY.state'),
} as const;

function identifier<T>(name: string): ServiceIdentifier<T> {
  return Symbol(`${name}, bound by bindBackstory`);
}
