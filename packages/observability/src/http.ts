/** Who, why and as part of what a request is: for servers, so that what is recorded while they answer says so. */
export { expressContext } from './http/express-context.js';
export { fastifyContext, type FastifyLike } from './http/fastify-context.js';
export { httpContext } from './http/http-context.js';
export type { RequestContextOptions, RequestLike } from './http/request-context.js';
