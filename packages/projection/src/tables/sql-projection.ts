import type { RecordedEvent } from '@backstory/core';
import { InvalidDefinition, type Class } from '@backstory/events';
import { requireClasses } from '../definition/projection-options.js';
import { checkProjectionName } from '../definition/projection-name.js';
import { checkSqlOptions, type SqlProjectionOptions } from './sql-options.js';
import type { Tables } from './sql.js';
import type { TableShapes } from './table-shape.js';

/**
 * A projection that writes tables of its own, as functions: what each event does to them.
 *
 * ```ts
 * const withdrawals = sqlProjection('withdrawals', {
 *   version: 1,
 *   tables: {
 *     largest: {
 *       columns: { account: 'text', amount: 'bigint not null' },
 *       key: ['account'],
 *       indexes: [['amount']],
 *     },
 *   },
 *   events: { Withdrawn },
 *   handle: {
 *     Withdrawn: async ({ amount }, { stream }, { sql, largest }) => {
 *       await sql`insert into ${largest} as l (account, amount) values (${stream}, ${amount})
 *         on conflict (account) do update set amount = excluded.amount where excluded.amount > l.amount`;
 *     },
 *   },
 * });
 * ```
 *
 * @throws InvalidDefinition, InvalidOption
 */
export function sqlProjection<
  const Shapes extends TableShapes,
  Events extends Readonly<Record<string, Class>>,
>(name: string, parts: SqlProjectionParts<Shapes, Events>): SqlProjection<keyof Shapes & string> {
  const { events, handle, ...options } = parts ?? {};
  checkProjectionName('sqlProjection(…)', name);
  checkSqlOptions(name, name, options);
  requireClasses(name, events);
  const names = Object.keys(events ?? {});
  const missing = names.find((it) => typeof handle?.[it] !== 'function');
  if (missing !== undefined)
    throw new InvalidDefinition(name, `says nothing of ${missing}: give \`handle\` a function ${missing}.`);
  const unknown = Object.keys(handle ?? {}).find((it) => !names.includes(it));
  if (unknown !== undefined)
    throw new InvalidDefinition(name, `handles ${unknown}, which is not among its \`events\`.`);
  const handlers = names.map((it) => ({
    event: events[it]!,
    name: it,
    run: handle[it] as unknown as SqlHandler['run'],
  }));
  return Object.freeze({ name, options, handlers });
}

/** What a functional projection with tables of its own is made of. */
export interface SqlProjectionParts<
  Shapes extends TableShapes,
  Events extends Readonly<Record<string, Class>>,
> extends SqlProjectionOptions {
  readonly tables: Shapes;
  /** The event classes, by the names that `handle` uses. */
  readonly events: Events;
  /** By the name of the event, what it does: statements, each of them awaited, and nothing else. */
  readonly handle: {
    readonly [Name in keyof Events]: (
      event: InstanceOf<Events[Name]>,
      recorded: RecordedEvent<InstanceOf<Events[Name]>>,
      tables: Tables<keyof Shapes & string>,
    ) => Promise<unknown>;
  };
}

type InstanceOf<Cls> = Cls extends Class<infer Event> ? Event : never;

/** What {@link sqlProjection} made. */
export interface SqlProjection<Names extends string = string> {
  readonly name: string;
  readonly options: SqlProjectionOptions & { readonly tables: Readonly<Record<Names, unknown>> };
  readonly handlers: readonly SqlHandler[];
}

/** An event class and what it does to the tables. */
export interface SqlHandler {
  readonly event: Class;
  readonly name: string;
  readonly run: (event: object, recorded: RecordedEvent<object>, tables: Tables<never>) => unknown;
}
