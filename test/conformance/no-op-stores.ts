import { newId, type EventStore, type StateStore } from '@backstory/core';
import type { StateTransaction } from '@backstory/core/state';

/** Answers every call plausibly and does nothing. A conformance case that it passes tests nothing. */
export function noOpEventStore(): EventStore {
  const identity = { logId: newId(), epoch: 1, epochStart: 0, head: 0 };
  let position = 0;
  return {
    capabilities: { durable: true, multiStreamAppends: true, densePositions: true, unindexed: ['types'] },
    async append(writes) {
      const told = writes.map(({ stream, events }) => ({
        stream,
        version: events.length,
        position: (position += events.length),
      }));
      const appendId = writes[0]?.events[0]?.id ?? '';
      return { appendId, position, recordedAt: new Date(), repeated: false, writes: told };
    },
    async *readStream() {
      yield { events: [], through: 0 };
    },
    async *readAll() {
      yield { events: [], through: 0 };
    },
    async *listStreams() {
      yield [];
    },
    onAppend: () => () => undefined,
    identity: async () => identity,
    restore: async () => identity,
    adopt: async () => identity,
    close: async () => undefined,
  };
}

/** A state store that forgets everything at once and gives every lease to everybody. */
export function noOpStateStore(): StateStore {
  const state: StateTransaction = {
    get: async () => undefined,
    getMany: async () => new Map(),
    list: async () => [],
    count: async () => 0,
    put: async () => undefined,
    putMany: async () => undefined,
    delete: async () => undefined,
    deleteMany: async () => undefined,
    clear: async () => undefined,
  };
  return {
    capabilities: { durable: true },
    start: async () => undefined,
    transaction: (_fence, work) => work(state),
    read: (work) => work(state),
    now: async () => new Date(0),
    acquire: async (name, { owner, ttlMs }) => ({
      name,
      owner,
      token: 1,
      ttlMs,
      expiresAt: new Date(Date.now() + ttlMs),
    }),
    renew: async (leases) => leases,
    release: async () => undefined,
    leases: async () => [],
    close: async () => undefined,
  };
}
