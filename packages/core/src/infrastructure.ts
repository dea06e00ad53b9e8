import { StoreUnavailable, StoreUnusable, TransactionTimedOut, type StoreProblem } from './errors.js';
import { isOutcomeUnknown, someCause } from './some-cause.js';

/**
 * Whether an error says that something a handler needs cannot be reached: then no event is to blame, and waiting helps.
 * Looks through the causes of the error. One that says of itself `isInfrastructure: true` is believed.
 */
export function isInfrastructure(error: unknown): boolean {
  return isOutcomeUnknown(error) || someCause(error, saysSo);
}

function saysSo(it: object): boolean {
  if (
    it instanceof StoreUnavailable ||
    it instanceof TransactionTimedOut ||
    (it instanceof StoreUnusable && PUT_RIGHT.has(it.problem))
  )
    return true;
  const { isInfrastructure: says, code, status, statusCode } = it as Record<string, unknown>;
  if (says === true) return true;
  if (typeof code === 'string' && CODES.has(code)) return true;
  return STATUSES.has(status) || STATUSES.has(statusCode);
}

/** Somebody makes room, promotes the standby, or restores what is missing, and all goes on. */
const PUT_RIGHT: ReadonlySet<string> = new Set<StoreProblem>(['full', 'standby', 'missing']);

/** Of Node's sockets and resolver, of undici (fetch), and of PostgreSQL's class 08 and its shutting down. */
const CODES: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAGAIN',
  'EADDRNOTAVAIL',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_SOCKET',
  '08000',
  '08001',
  '08003',
  '08004',
  '08006',
  '57P01',
  '57P02',
  '57P03',
  '53300',
]);

/** Too many requests, and a gateway or service that is not there. */
const STATUSES: ReadonlySet<unknown> = new Set([429, 502, 503, 504]);
