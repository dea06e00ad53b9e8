import { DeliveryEnded } from './errors.js';

/** Why an attempt is over that has ended well. */
export const ENDED = 'it has ended';

/** As `work` ends; or it fails where the attempt is cut off before: no transaction stays open for what counts no more. */
export async function within<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (isCutOff(signal)) throw signal.reason;
  let cut = () => {};
  const cutOff = new Promise<never>((_, reject) => {
    cut = () => {
      if (isCutOff(signal)) reject(signal.reason as Error);
    };
    signal.addEventListener('abort', cut);
  });
  try {
    return await Promise.race([work(), cutOff]);
  } finally {
    signal.removeEventListener('abort', cut);
  }
}

/** What a handler that has ended well did not wait for goes on. */
function isCutOff({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof DeliveryEnded && reason.reason === ENDED);
}
