import type { EventStore, LogIdentity, StateStore } from '@backstory/core';
import { messageOf, type HeldLease, type LeaseHolder, type StateView } from '@backstory/core/state';
import { verifyCheckpoint, type Checkpoint } from '@backstory/core/store';
import type { Control } from './control.js';
import type { Dispatcher } from './dispatcher.js';
import { Partition } from './partition.js';
import { PartitionState, type StoredPartition } from './partition-state.js';
import type { DeadKey, ParkedKey } from './parked-key.js';
import { accountedTypes, proofOf, type Progress } from './progress.js';

/** What ownership works with. */
export interface OwnershipParts {
  readonly name: string;
  /** Refuses to store anything. */
  readonly check: (view: StateView) => Promise<void>;
  readonly events: EventStore;
  readonly state: StateStore;
  readonly leases: LeaseHolder;
  readonly dispatcher: Dispatcher;
  /** Of these every event gets an outcome. */
  readonly accounted: readonly string[] | undefined;
  readonly stopTimeoutMs: number;
  /** Partitions have come: the log is to be read from where they are. */
  readonly joined: () => void;
  /** A partition has gone to another process. */
  readonly lost: (partition: Partition) => void;
  /** What was done later, once handlers had ended, failed. */
  readonly failed: (error: unknown) => Promise<void>;
  /** A checkpoint was kept. */
  readonly saved: (through: number) => void;
}

/** The partitions that this process owns: how they come, are kept, and go. */
export class Ownership {
  readonly stored: PartitionState;
  /** Which log their positions are of. */
  log: LogIdentity | undefined;
  private joining: { readonly partition: Partition; readonly parked: readonly (ParkedKey | DeadKey)[] }[] =
    [];
  private saving: Promise<void> = Promise.resolve();
  /** Of partitions that are being taken up. */
  private readonly coming = new Set<HeldLease>();
  /** Partitions that go, or begin anew, once what is at work in them has ended. */
  private readonly aside = new Set<Promise<unknown>>();

  constructor(private readonly parts: OwnershipParts) {
    this.stored = new PartitionState(parts.state, parts.name, parts.check);
  }

  /** Partitions that are handled, and those about to be. */
  get all(): readonly Partition[] {
    return [...this.parts.dispatcher.partitions.values(), ...this.joining.map((it) => it.partition)];
  }

  /** Takes up partitions whose leases were got. @throws LogDiverged */
  async join(
    gotten: readonly { readonly number: number; readonly lease: HeldLease }[],
    control: Control,
  ): Promise<void> {
    if (gotten.length === 0) return;
    for (const { lease } of gotten) this.coming.add(lease);
    try {
      await this.takeUp(gotten, control);
    } catch (error) {
      // Those that had come already are not lost, which would have more be taken at once: they are asked for again with the next look.
      this.joining = this.joining.filter((it) => !gotten.some(({ lease }) => lease === it.partition.lease));
      // Held and not handled they would be nobody's.
      await this.give(gotten.map(({ lease }) => lease));
      throw error;
    } finally {
      for (const { lease } of gotten) this.coming.delete(lease);
    }
    this.parts.joined();
  }

  private async takeUp(
    gotten: readonly { readonly number: number; readonly lease: HeldLease }[],
    control: Control,
  ): Promise<void> {
    const log = await this.parts.events.identity();
    const loaded = await this.stored.load(gotten.map(({ number }) => number));
    await this.verify([...loaded.values()], control);
    for (const { number, lease } of gotten) {
      const { partition, parked } = await this.made({
        number,
        lease,
        stored: loaded.get(number)!,
        control,
        log,
      });
      // In place of what was said of the partition that a reset ended: the lease is the same.
      lease.signal.onabort = () => this.leave(partition);
      if (lease.isHeld) this.joining.push({ partition, parked });
    }
    this.log = log;
  }

  /** Hands those that have come to the dispatcher: while the log is not being read, so that they miss nothing. */
  open(): void {
    for (const { partition, parked } of this.joining.splice(0)) {
      if (partition.lease.isHeld) this.parts.dispatcher.open(partition, parked);
    }
  }

  /** Handlers at work in some partitions hold up neither the others nor what else is to be done: those follow when they are quiet. */
  async idleFirst(
    partitions: readonly Partition[],
    work: (some: readonly Partition[]) => Promise<unknown>,
  ): Promise<void> {
    const idle = partitions.filter(({ running }) => running === 0);
    for (const it of partitions.filter(({ running }) => running > 0)) {
      const later = work([it])
        .catch(this.parts.failed)
        .finally(() => this.aside.delete(later));
      this.aside.add(later);
    }
    if (idle.length > 0) await work(idle);
  }

  /** Resolves when nothing is to follow. */
  get later(): Promise<unknown> {
    return Promise.all(this.aside);
  }

  /** Gives partitions up: lets their handlers end, keeps the checkpoint, and lets others have them, or says why they have to wait. */
  async release(partitions: readonly Partition[]): Promise<string | undefined> {
    await this.quiet(partitions, 'it is given up');
    await this.save(partitions).catch(() => undefined);
    for (const partition of partitions) this.forget(partition, 'it is given up');
    return this.give(partitions.map(({ lease }) => lease));
  }

  /** Lets others have all at once, or says why they have to wait; also what is being taken up. The checkpoint stays as it was kept last. */
  async letGo(): Promise<string | undefined> {
    const { all } = this;
    const leases = [...all.map(({ lease }) => lease), ...this.coming];
    for (const partition of all) this.forget(partition, 'the subscription stops');
    return this.give(leases);
  }

  /** Starts partitions anew where a reset wants them. */
  async restart(partitions: readonly Partition[], control: Control): Promise<void> {
    await this.quiet(partitions, 'it is reset');
    for (const partition of partitions) {
      this.forget(partition, 'it is reset');
      this.coming.add(partition.lease);
    }
    // A save of them may be under way, and would write under the same lease what the reset takes away.
    await this.saving;
    await this.join(partitions, control);
  }

  /** Keeps the checkpoint; one at a time. */
  save(partitions: readonly Partition[] = this.all): Promise<void> {
    const saving = this.saving.then(() => this.saveNow(partitions));
    this.saving = saving.catch(() => undefined);
    return saving;
  }

  /** The partition is another process's. */
  leave(partition: Partition): void {
    if (!this.all.includes(partition)) return;
    this.forget(partition, 'another process has taken over');
    this.parts.leases.release(partition.lease).catch(() => undefined);
    if (!partition.isClosing) this.parts.lost(partition);
  }

  /** Of one that is not open yet its parked keys are not known, and marks of what they wait with would go. */
  private async saveNow(asked: readonly Partition[]): Promise<void> {
    const partitions = asked.filter(({ isOpen }) => isOpen);
    const { written, lost } = await this.stored.save(partitions, (proof) =>
      verifyCheckpoint(this.parts.events, { logId: this.log!.logId, ...proof }),
    );
    for (const partition of lost) this.leave(partition);
    if (written === 0) return;
    this.parts.saved(Math.min(...partitions.map(({ tracker }) => tracker.through)));
  }

  /** Reading checks the log against the partition that is least far; here against the one that is farthest. */
  private async verify(loaded: readonly StoredPartition[], { reset }: Control): Promise<void> {
    const farthest = new Map<string, Checkpoint>();
    for (const { progress } of loaded) {
      // What a reset has set aside says nothing: it is how one goes on after the log has diverged.
      if (!progress || (reset && progress.reset !== reset.id)) continue;
      const { logId, epoch } = progress;
      const part = `${logId} ${epoch}`;
      const proof = proofOf(progress);
      if (proof.through >= (farthest.get(part)?.through ?? -1))
        farthest.set(part, { logId, epoch, ...proof });
    }
    for (const checkpoint of farthest.values()) await verifyCheckpoint(this.parts.events, checkpoint);
  }

  private async made({ number, lease, stored, control, log }: Making): Promise<Ownership['joining'][number]> {
    const { reset } = control;
    const { progress, parked, marks } = stored;
    if (reset && progress?.reset !== reset.id) {
      const { logId, epoch } = log;
      const none = { retrying: 0, dead: 0, draining: 0 };
      const begun = {
        ...{ logId, epoch, through: reset.to, ahead: [], parked: none, reset: reset.id },
        ...this.accountedFrom({ through: reset.to, ahead: [] }),
      };
      await this.stored.reset(lease, number, begun);
      return { partition: new Partition(number, lease, begun), parked: [] };
    }
    const { accounted: _accounted, ...start } = progress ?? { through: control.start, ahead: [] };
    const partition = new Partition(number, lease, {
      ...start,
      ...this.accountedFrom(progress ?? start),
    });
    const cursors = new Map(parked.map(({ key, cursor }) => [key, cursor]));
    for (const mark of marks) {
      const waits = mark.position >= (cursors.get(mark.key) ?? Infinity);
      const isLate = !waits && partition.tracker.isFinished(mark.position);
      partition.marks.set(mark.at, { ...mark, isLate });
    }
    return { partition, parked };
  }

  /** It begins where the partition is, unless it has begun before with the same types. */
  private accountedFrom({ through, ahead, accounted: known }: Begun): Pick<Progress, 'accounted'> {
    const { accounted } = this.parts;
    if (!accounted) return {};
    const types = accountedTypes(accounted);
    return { accounted: known?.types === types ? known : { types, after: ahead.at(-1) ?? through } };
  }

  /** What could not be given up runs out: then it says why. */
  private async give(leases: readonly HeldLease[]): Promise<string | undefined> {
    const given = await Promise.allSettled(leases.map((lease) => this.parts.leases.release(lease)));
    const failed = given.find((it) => it.status === 'rejected');
    return failed && messageOf(failed.reason);
  }

  private forget(partition: Partition, reason: string): void {
    this.joining = this.joining.filter((it) => it.partition !== partition);
    this.parts.dispatcher.drop(partition, reason);
  }

  /** No handler begins, and those at work end, or are told to after a while: what they do once may keep others from writing. */
  async quiet(partitions: readonly Partition[], reason: string): Promise<void> {
    for (const partition of partitions) partition.isClosing = true;
    const end = performance.now() + this.parts.stopTimeoutMs;
    while (partitions.some(({ running }) => running > 0)) {
      if (performance.now() >= end) return this.parts.dispatcher.abandon(partitions, reason);
      await new Promise((wait) => setTimeout(wait, 5));
    }
  }
}

type Begun = Pick<Progress, 'through' | 'ahead' | 'accounted'>;

interface Making {
  readonly number: number;
  readonly lease: HeldLease;
  readonly stored: StoredPartition;
  readonly control: Control;
  readonly log: LogIdentity;
}
