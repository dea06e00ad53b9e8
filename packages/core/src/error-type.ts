/** What kind of error it is, in few different words: its code, or else the name of its class. For metrics and spans. */
export function errorType(error: unknown): string {
  try {
    return typeOf(error);
  } catch {
    return typeof error;
  }
}

function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const { code } = error as { readonly code?: unknown };
  if (code === VERSION_CONFLICT) return CONFLICT;
  return typeof code === 'string' && code !== '' ? code : error.constructor.name;
}

/** Somebody else was faster: what OpenTelemetry's users look for under this name. */
export const CONFLICT = 'concurrency_conflict';
const VERSION_CONFLICT = 'BACKSTORY_VERSION_CONFLICT';
