import { Aggregate, EventHandler, EventSourcedAggregate } from 'backstory';
import { Committed, FilesChanged, Rewound, type Change } from './branch-events';

/**
 * A branch as it was after each of its commits: what `git ls-tree -r` prints of it.
 *
 * It decides nothing, for git has decided already: its events are recorded with `app.record`.
 */
@Aggregate('branch')
export class Branch extends EventSourcedAggregate {
  /** The commit that it is at. */
  head = '';
  subject = '';
  /** Mode, type and object of each path. */
  files: Record<string, string> = {};

  @EventHandler(Committed) protected committed({ commit, subject, changes }: Committed): void {
    this.head = commit;
    this.subject = subject;
    this.change(changes);
  }

  @EventHandler(Rewound) protected rewound({ to, changes }: Rewound): void {
    this.head = to;
    this.subject = '';
    this.change(changes);
  }

  @EventHandler(FilesChanged) protected filesChanged({ changes }: FilesChanged): void {
    this.change(changes);
  }

  private change(changes: readonly Change[]): void {
    for (const { path, entry } of changes) {
      if (entry === undefined) delete this.files[path];
      else this.files[path] = entry;
    }
  }
}
