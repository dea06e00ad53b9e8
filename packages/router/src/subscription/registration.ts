import type { StateStore } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import { readControl, register, unknownTypes, type Control, type Registered } from './control.js';
import { OlderCode } from './errors.js';
import type { Share } from './share.js';

/**
 * Which events a subscription handles, in processes of different code. One whose code does not know all of them would pass over the others:
 * it works on nothing while there is one that does, and then takes back what is registered.
 */
export class Registration {
  private own: Registered | undefined;

  constructor(
    private readonly state: StateStore,
    private readonly name: string,
    private readonly share: Share,
  ) {}

  /** Says what this process handles, and gives what is known of the subscription. */
  async begin(own: Registered): Promise<Control> {
    this.own = own;
    // First of all, so that nobody takes back what is registered now.
    await this.share.enter();
    try {
      return await register(this.state, this.name, own);
    } catch (error) {
      // Nobody is to count on a process that begins nothing.
      await this.share.leave().catch(() => undefined);
      throw error;
    }
  }

  /** Whether it may go on that had faulted because of newer code. @throws OlderCode where that is there, and it has not faulted */
  async mayGoOn(control: Control, fault: unknown): Promise<boolean> {
    const isOlder = fault instanceof OlderCode;
    if (fault !== undefined && !isOlder) return false;
    try {
      await this.confirm(control);
      return isOlder;
    } catch (error) {
      if (isOlder && error instanceof OlderCode) return false;
      throw error;
    }
  }

  /** Has what is registered be no less than what this process handles, and no more. @throws OlderCode */
  private async confirm(control: Control): Promise<void> {
    const unknown = this.unknownIn(control);
    if (unknown.length === 0) {
      // Somebody took it back while this process gave no sign of life.
      if (unknownTypes(this.own!, control).length > 0) await register(this.state, this.name, this.own!);
      return;
    }
    if (await this.share.hasOthers()) throw new OlderCode(this.name, unknown);
    await register(this.state, this.name, this.own!, 'back');
  }

  /** In the transaction in which progress is stored: newer code may have begun a moment ago. @throws OlderCode */
  readonly check = async (view: StateView): Promise<void> => {
    const control = await readControl(view, this.name);
    const unknown = control ? this.unknownIn(control) : [];
    if (unknown.length > 0) throw new OlderCode(this.name, unknown);
  };

  private unknownIn(control: Control): readonly string[] {
    return this.own ? unknownTypes(control, this.own) : [];
  }
}
