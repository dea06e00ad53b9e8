/** The seeds to run with: FAULT_SEED alone, or FAULT_SEEDS of them (default 2), which nobody knows before. Names of tests tell them. */
export function seeds(): readonly number[] {
  const { FAULT_SEED, FAULT_SEEDS = '2' } = process.env;
  if (FAULT_SEED !== undefined) return [Number(FAULT_SEED)];
  const first = Date.now() % 1_000_000;
  return Array.from({ length: Number(FAULT_SEEDS) }, (_, i) => first + i);
}
