import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from '@backstory/core';
import { RequestContext, type RequestContextOptions } from './request-context.js';

/**
 * A listener of `node:http` that runs in the request's context.
 *
 * ```ts
 * const server = createServer(httpContext(listener));
 * ```
 *
 * Where `fields` throws the request is answered with 500, and the error is a warning of the process.
 *
 * @throws InvalidOption
 */
export function httpContext(
  listener: (request: IncomingMessage, response: ServerResponse) => unknown,
  options: RequestContextOptions<IncomingMessage> = {},
): (request: IncomingMessage, response: ServerResponse) => unknown {
  const requests = new RequestContext(options);
  return (request, response) => {
    let context: Context;
    try {
      context = requests.of(request);
    } catch (error) {
      // Of `fields`: nobody is above this who could answer, and the server is to live.
      process.emitWarning(error as Error);
      response.writeHead(500).end();
      return undefined;
    }
    response.setHeader(...requests.answered(context));
    return context.run(() => listener(request, response));
  };
}
