import { RequestContext, type RequestContextOptions, type RequestLike } from './request-context.js';

/**
 * Middleware for Express, and for what takes the same: what comes after it runs in the request's context.
 *
 * ```ts
 * server.use(expressContext({ fields: ({ headers }) => ({ tenant: headers.host }) }));
 * ```
 *
 * @throws InvalidOption
 */
export function expressContext<Request extends RequestLike = RequestLike>(
  options: RequestContextOptions<Request> = {},
): (request: Request, response: ResponseLike, next: (error?: unknown) => void) => void {
  const requests = new RequestContext(options);
  return (request, response, next) => {
    try {
      const context = requests.of(request);
      response.setHeader(...requests.answered(context));
      context.run(next);
    } catch (error) {
      next(error);
    }
  };
}

/** What is needed of an answer. */
interface ResponseLike {
  setHeader(name: string, value: string): unknown;
}
