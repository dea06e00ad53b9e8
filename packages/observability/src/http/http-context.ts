import type { IncomingMessage, ServerResponse } from 'node:http';
import { RequestContext, type RequestContextOptions } from './request-context.js';

/**
 * A listener of `node:http` that runs in the request's context.
 *
 * ```ts
 * const server = createServer(httpContext(listener));
 * ```
 *
 * @throws InvalidOption
 */
export function httpContext(
  listener: (request: IncomingMessage, response: ServerResponse) => unknown,
  options: RequestContextOptions<IncomingMessage> = {},
): (request: IncomingMessage, response: ServerResponse) => unknown {
  const requests = new RequestContext(options);
  return (request, response) => {
    const context = requests.of(request);
    response.setHeader(...requests.answered(context));
    return context.run(() => listener(request, response));
  };
}
