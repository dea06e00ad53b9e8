import type { Context } from '@backstory/core';
import { RequestContext, type RequestContextOptions, type RequestLike } from './request-context.js';

/**
 * A plugin for Fastify: hooks and handlers that come after it run in the request's context. `fields` is asked at `preHandler`, when
 * earlier hooks have found out who asks.
 *
 * ```ts
 * await server.register(fastifyContext({ trust: 'all' }));
 * ```
 *
 * @throws InvalidOption
 */
export function fastifyContext<Request extends RequestLike = RequestLike>(
  options: RequestContextOptions<Request> = {},
): (server: FastifyLike<Request>, _: object, done: () => void) => void {
  const requests = new RequestContext(options);
  const contexts = new WeakMap<Request, Context>();
  const plugin = (server: FastifyLike<Request>, _: object, ready: () => void): void => {
    server.addHook('onRequest', (request, reply, done) => {
      const context = requests.ofHeaders(request);
      contexts.set(request, context);
      reply.header(...requests.answered(context));
      context.run(done);
    });
    // What reads the body may have gone on outside of it.
    server.addHook('preHandler', (request, _reply, done) => {
      let context: Context;
      try {
        context = requests.withFields(contexts.get(request)!, request);
      } catch (error) {
        return done(error as Error);
      }
      context.run(done);
    });
    ready();
  };
  // Not only for what this plugin adds, as Fastify would have it.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}

/** What is needed of a server. */
export interface FastifyLike<Request> {
  addHook(
    name: 'onRequest' | 'preHandler',
    hook: (request: Request, reply: ReplyLike, done: (error?: Error) => void) => void,
  ): unknown;
}

interface ReplyLike {
  header(name: string, value: string): unknown;
}
