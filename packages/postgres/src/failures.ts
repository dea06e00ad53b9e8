import { BackstoryError, StoreUnavailable, StoreUnusable } from '@backstory/core';

/** What a failure of PostgreSQL or of the way there means to those who use the store; others are given back as they are. */
export function storeError(error: unknown, store: string): unknown {
  if (error instanceof BackstoryError) return error;
  const options = { cause: error };
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const unusable = UNUSABLE.find(([codes]) => codes.test(`${code} ${message}`));
  if (unusable) return new StoreUnusable(store, unusable[1], `${unusable[2]} (${message})`, options);
  if (NO_ANSWER.test(message))
    return new StoreUnavailable(store, 'the server did not answer in time', options);
  if (/statement timeout/.test(message))
    return new StoreUnavailable(
      store,
      `${message}; statement_timeout is set, and shorter than this takes`,
      options,
    );
  if (isTransient(error)) return new StoreUnavailable(store, message || code, options);
  return error;
}

/** The connection is gone or was never there, the server is ending or beginning or was told to stop this, or too much is going on. */
export function isTransient(error: unknown): boolean {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return TRANSIENT_CODES.test(code) || TRANSIENT_MESSAGES.test(message) || isShut(error);
}

/** The database lets nobody in for now (`allow_connections false`), as while it is restored. Statements have that code as well. */
function isShut(error: unknown): boolean {
  const { code, routine } = error as { code?: string; routine?: string };
  return code === '55000' && routine === 'CheckMyDatabase';
}

/** Another transaction was in the way: a serialization failure or a deadlock. The same work may succeed now. */
export function isCollision(error: unknown): boolean {
  return ['40001', '40P01'].includes((error as { code?: string } | null | undefined)?.code ?? '');
}

/**
 * SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html) and codes of Node. EAGAIN: the queue of a Unix socket is
 * full, as where many connect again to a server that begins; EADDRNOTAVAIL: no port of this machine is left to connect from.
 */
const TRANSIENT_CODES =
  /^(08...|53[034]..|57014|57P0[1235]|25P0[34]|55P03|40001|40P01|ECONN.*|EPIPE|ETIMEDOUT|ENOTFOUND|EAGAIN|EAI_AGAIN|EADDRNOTAVAIL|EHOSTUNREACH|ENETUNREACH|ENOENT)$/;
/** The driver's own, which have no code. */
const TRANSIENT_MESSAGES =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Query read timeout|timeout expired)/;

const NO_ANSWER = /^Query read timeout/;

const UNUSABLE: readonly (readonly [
  codeAndMessage: RegExp,
  problem: StoreUnusable['problem'],
  message: string,
])[] = [
  [/^28/, 'unsupported', 'the server does not let this user in. Check user, password and pg_hba.conf.'],
  [
    /^(26000|42P05) |unsupported startup parameter/,
    'unsupported',
    'a proxy shares this connection among transactions, so nothing can be prepared or set on it: set prepare: false, and direct.',
  ],
  [/^3D000 /, 'missing', 'there is no such database. Create it first: createdb.'],
  [
    /^(3F000|42P01) /,
    'missing',
    'the store is not there any more, or a part of it. Restore it, or make it with backstory store init.',
  ],
  [/^53100 /, 'full', "the server's disk is full. Nothing was written; make room and go on."],
  [
    /^42501 /,
    'read-only',
    'this user may not do that. Grant it what it lacks, have the owner do it, or open the store read-only.',
  ],
  [
    /^25006 /,
    'standby',
    'the server only reads: it is a standby, or set so. Promote it, connect to the primary, or open the store read-only.',
  ],
  [
    /^25000 an append needs/,
    'unsupported',
    "appends need transactions that are read committed. Set default_transaction_isolation of the role and the database to 'read committed'.",
  ],
  [
    /^BSENC /,
    'unsupported',
    "events are text in any language, which this database cannot keep. Make another one: create database … encoding 'UTF8' template template0.",
  ],
  [
    /The server does not support SSL connections/,
    'unsupported',
    'the server offers no TLS. Have it offer some, or leave out ssl and sslmode.',
  ],
  [
    /^(SELF_SIGNED_CERT|DEPTH_ZERO|UNABLE_TO_|CERT_|ERR_TLS_CERT)/,
    'unsupported',
    "the server's certificate is not trusted. Give the authority that signed it: sslrootcert, or ssl: { ca }.",
  ],
  [/^XX00[12] /, 'corrupt', 'the server reports damaged data. Restore the database from a backup.'],
];
