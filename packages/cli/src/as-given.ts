import { InvalidOption } from '@backstory/core/store';
import { UsageError } from './errors.js';

/** What is asked for with options of the command line: where one is refused, it is the command line that means nothing. */
export async function asGiven<T>(asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof InvalidOption) throw new UsageError('invalid-option', error.message);
    throw error;
  }
}
