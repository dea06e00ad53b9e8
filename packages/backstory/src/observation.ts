import type { Observability, Watched } from '@backstory/core/observability';

/** Who observes one running application: begun before it opens, ended after it has closed. */
export class Observation {
  private unwatch: (() => Promise<void>) | undefined;
  private ending: Promise<void> | undefined;

  private constructor(private readonly observability: Observability | undefined) {}

  /** Rejects where it cannot begin, and then need not be ended. */
  static async begun(observability: Observability | undefined): Promise<Observation> {
    const observation = new Observation(observability);
    if (!observability) return observation;
    users.set(observability, (users.get(observability) ?? 0) + 1);
    try {
      await observability.start?.();
    } catch (error) {
      await observation.end();
      throw error;
    }
    return observation;
  }

  watch(app: Watched): void {
    this.unwatch = this.observability?.watch(app);
  }

  /** Nothing of the application is looked at any more. */
  async endWatching(): Promise<void> {
    await this.unwatch?.();
    this.unwatch = undefined;
  }

  /** Once; when it is the last that shares it, everything is sent and ended. */
  end(): Promise<void> {
    return (this.ending ??= this.endOnce());
  }

  private async endOnce(): Promise<void> {
    const { observability } = this;
    if (!observability) return;
    const left = (users.get(observability) ?? 1) - 1;
    users.set(observability, left);
    if (left === 0) await observability.shutdown?.();
  }
}

/** How many running applications share one. */
const users = new WeakMap<Observability, number>();
