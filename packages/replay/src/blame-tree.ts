import type { Json } from '@backstory/events';
import { StateComparison, type Difference } from './differences.js';
import type { PartChange } from './live-state.js';
import type { PartStep } from './part-history.js';
import { formatStatePath, type StateStep } from './state-path.js';
import type { StateType } from './state-type.js';
import { membersOf, type StatePart } from './value-at.js';

/** Of which version each value of a state is. */
export class BlameTree {
  private root: Node = { made: 0, touched: 0, members: new Map() };
  private readonly comparison: StateComparison;

  constructor(private readonly type: StateType) {
    this.comparison = new StateComparison(type);
  }

  /** A version made one state of another. */
  add(version: number, { before, after, changes }: Pick<PartStep, 'before' | 'after' | 'changes'>): void {
    for (const it of changes) this.addChange(version, it);
    if (before === undefined || after === undefined) {
      this.root = { made: version, touched: version, members: new Map() };
      return;
    }
    this.addAll(version, this.comparison.between(before, after));
  }

  private addChange(version: number, { steps, type, before, after }: PartChange): void {
    if (before === undefined) this.change(version, steps, 'value');
    else this.addAll(version, this.comparison.within({ steps, type }, before, after));
  }

  private addAll(version: number, differences: readonly Difference[]): void {
    for (const { steps, isOrder, ...sides } of differences)
      this.change(version, steps, isOrder ? 'order' : 'after' in sides ? 'value' : 'gone');
  }

  /** The version that last changed anything in it. */
  get touched(): number {
    return this.root.touched;
  }

  /** Each value with its version, in the order of the state; a container where the last to change it took something out of it. */
  *lines(state: Json): Generator<BlameLine, void> {
    yield* linesOf(this.root, { value: state, type: this.type }, []);
  }

  private change(version: number, steps: readonly StateStep[], what: 'value' | 'order' | 'gone'): void {
    let node = this.root;
    node.touched = version;
    steps.forEach((step, i) => {
      const name = formatStatePath([step]);
      if (what === 'gone' && i === steps.length - 1) return void node.members.delete(name);
      let member = node.members.get(name);
      // What was made with what is around it.
      if (!member)
        node.members.set(name, (member = { made: node.made, touched: node.made, members: new Map() }));
      member.touched = version;
      node = member;
    });
    if (what !== 'value') return;
    node.made = version;
    node.members.clear();
  }
}

/** One value of a state and the version that it is of. */
export interface BlameLine {
  readonly steps: readonly StateStep[];
  readonly value: Json;
  /** 0: the stream began with it. */
  readonly version: number;
  /** A list, set, map or object that is told for itself: this version took something out of it, or changed its order. */
  readonly isContainer?: true;
}

interface Node {
  /** The version that put it there as a whole. */
  made: number;
  /** The version that last changed anything in it. */
  touched: number;
  readonly members: Map<string, Node>;
}

function* linesOf(node: Node, part: StatePart, steps: readonly StateStep[]): Generator<BlameLine, number> {
  const members = membersOf(part);
  if (members.length === 0) {
    yield { steps, value: part.value, version: node.touched };
    return node.touched;
  }
  const lines: BlameLine[] = [];
  let latest = 0;
  for (const [step, member] of members) {
    const known = node.members.get(formatStatePath([step]));
    const below = linesOf(known ?? { made: node.made, touched: node.made, members: NONE }, member, [
      ...steps,
      step,
    ]);
    for (let it = below.next(); ; it = below.next()) {
      if (it.done) {
        latest = Math.max(latest, it.value);
        break;
      }
      lines.push(it.value);
    }
  }
  if (node.touched > latest) yield { steps, value: part.value, version: node.touched, isContainer: true };
  yield* lines;
  return Math.max(latest, node.touched);
}

const NONE: Node['members'] = new Map();
