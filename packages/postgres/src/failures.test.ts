import { StoreUnavailable } from '@backstory/core';
import { isInfrastructure } from '@backstory/core/state';
import { isTransient, storeError } from './failures.js';

test.each(['EAGAIN', 'ECONNREFUSED', 'ECONNRESET', 'EADDRNOTAVAIL', '57P03', '53300', '08006'])(
  '%s says that the server cannot be reached now, to the store and to a subscription',
  (code) => {
    const error = Object.assign(new Error('connect'), { code });
    expect(isTransient(error)).toBe(true);
    expect(storeError(error, 'a store')).toBeInstanceOf(StoreUnavailable);
    expect(isInfrastructure(error)).toBe(true);
  },
);

test('a database that lets nobody in for now is waited for, and a statement with that code is not taken for it', () => {
  const shut = { code: '55000', routine: 'CheckMyDatabase' };
  const error = Object.assign(new Error('database "bank" is not currently accepting connections'), shut);
  expect(storeError(error, 'a store')).toBeInstanceOf(StoreUnavailable);
  const other = Object.assign(new Error('currval of sequence'), { code: '55000', routine: 'currval_oid' });
  expect(storeError(other, 'a store')).toBe(other);
});

test.each([
  ['53100', 'full'],
  ['25006', 'standby'],
  ['3D000', 'missing'],
  ['42P01', 'missing'],
])('%s is put right by somebody, and a subscription waits for it', (code, problem) => {
  const error = storeError(Object.assign(new Error('no'), { code }), 'a store');
  expect(error).toMatchObject({ code: 'BACKSTORY_STORE_UNUSABLE', problem });
  expect(isInfrastructure(error)).toBe(true);
});

test('what no waiting helps is not waited for', () => {
  const error = storeError(Object.assign(new Error('no'), { code: '42501' }), 'a store');
  expect(error).toMatchObject({ problem: 'read-only' });
  expect(isInfrastructure(error)).toBe(false);
});

test.each(['22P02', 'EACCES', 'ERR_INVALID_ARG_TYPE'])('%s is not taken for it', (code) => {
  const error = Object.assign(new Error('no'), { code });
  expect(isTransient(error)).toBe(false);
  expect(storeError(error, 'a store')).toBe(error);
  expect(isInfrastructure(error)).toBe(false);
});

test.each([
  ['25000', 'an append needs read committed, not serializable', 'default_transaction_isolation'],
  ['DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate', 'sslrootcert'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', "Hostname/IP does not match certificate's altnames", 'sslrootcert'],
])('%s says what to set', (code, message, set) => {
  const error = storeError(Object.assign(new Error(message), { code }), 'a store');
  expect(error).toMatchObject({ problem: 'unsupported', message: expect.stringContaining(set) });
});

test('a bound of the server on statements is named', () => {
  const message = 'canceling statement due to statement timeout';
  const error = storeError(Object.assign(new Error(message), { code: '57014' }), 'a store');
  expect(error).toBeInstanceOf(StoreUnavailable);
  expect((error as Error).message).toContain('statement_timeout is set');
});
