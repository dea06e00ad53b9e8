import { AsyncLocalStorage } from 'node:async_hooks';

/** Runs work outside every async context, so that a loop shared by many flows belongs to none of them. */
export const outside: <T>(work: () => T) => T = AsyncLocalStorage.snapshot();
