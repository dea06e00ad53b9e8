import { Context, newId, type ContextFields } from '@backstory/core';
import { InvalidOption, knownOptions, type OptionNames } from '@backstory/core/store';

/** What is needed of a request. */
export interface RequestLike {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/**
 * What is believed of a request, and what else is known of it.
 *
 * | `trust` | what is read of the headers |
 * |---|---|
 * | `flow` (the default) | the trace, as W3C or B3, and the correlation id: names, with which a stranger can claim nothing |
 * | `all` | also actor, tenant, causation, command, priority, origin and own keys: between services of your own |
 */
export interface RequestContextOptions<Request extends RequestLike = RequestLike> {
  readonly trust?: 'flow' | 'all';
  /** The header that has the correlation id, `x-request-id`, say. Default `x-correlation-id`. */
  readonly correlationHeader?: string;
  /** Who asks and for whom, by the server's own knowledge. It goes before the headers. */
  readonly fields?: (request: Request) => {
    readonly [K in keyof ContextFields]?: ContextFields[K] | undefined;
  };
}

/** Makes contexts of requests. */
export class RequestContext<Request extends RequestLike> {
  private readonly header: string;
  private readonly options: RequestContextOptions<Request>;

  /** @throws InvalidOption */
  constructor(options: RequestContextOptions<Request>) {
    this.options = knownOptions(options, OPTIONS);
    const { trust = 'flow', correlationHeader = CORRELATION } = options;
    if (trust !== 'flow' && trust !== 'all')
      throw new InvalidOption('trust', `must be flow or all, not ${String(trust)}.`);
    this.header = correlationHeader.toLowerCase();
  }

  /** Of the headers. A request without a correlation id is given one: what is recorded for it is one flow. */
  ofHeaders({ headers }: RequestLike): Context {
    const given = headers[this.header];
    const sent = Context.fromHeaders({ ...headers, ...(given !== undefined && { [CORRELATION]: given }) });
    const { correlationId = newId(), traceparent, tracestate, ...claimed } = sent.fields;
    return Context.none.with({
      ...(this.options.trust === 'all' && claimed),
      ...{ correlationId, traceparent, tracestate },
    });
  }

  /** With what the server knows of who asks. @throws TypeError for what is no text */
  withFields(context: Context, request: Request): Context {
    const { fields } = this.options;
    return fields ? context.with(fields(request)) : context;
  }

  of(request: Request): Context {
    return this.withFields(this.ofHeaders(request), request);
  }

  /** The header by which whoever asked finds the flow again. */
  answered(context: Context): readonly [name: string, value: string] {
    return [this.header, context.toHeaders()[CORRELATION]!];
  }
}

const CORRELATION = 'x-correlation-id';

const OPTIONS: OptionNames<RequestContextOptions> = { trust: true, correlationHeader: true, fields: true };
