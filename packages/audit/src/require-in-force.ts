import type { KeyRing } from '@backstory/proof';
import { KeyNotInForce } from './errors.js';

/** @throws KeyNotInForce */
export function requireInForce(ring: KeyRing, keyId: string): void {
  const status = ring.keys.find((key) => key.keyId === keyId)?.status ?? 'unknown';
  if (status !== 'in-force') throw new KeyNotInForce(keyId, status);
}
