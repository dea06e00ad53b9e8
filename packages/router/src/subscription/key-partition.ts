/** How many parts the keys of a subscription fall into. Kept for ever: what is stored is stored by partition. */
export const PARTITIONS = 64;

/** The partition of a key: FNV-1a (32 bits) over its UTF-16 code units. */
export function partitionOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  // The low bits of FNV alone are weak: fold the high ones in.
  return ((hash ^ (hash >>> 16)) >>> 0) % PARTITIONS;
}

/** As it occurs in keys and names of leases: `07`. */
export function partitionName(partition: number): string {
  return String(partition).padStart(2, '0');
}
