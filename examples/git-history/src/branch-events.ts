import { DomainEvent, Fields, instant, listOf } from 'backstory';

export type How = 'added' | 'modified' | 'mode changed' | 'type changed' | 'removed';

/** What became of one path. */
export class Change {
  /** What `git ls-tree` prints of it: mode, type and object. Absent when the path is gone. */
  readonly entry?: string;

  constructor(
    /** As `pathText` writes it. */
    readonly path: string,
    readonly how: How,
    entry?: string,
  ) {
    if (entry !== undefined) this.entry = entry;
  }
}

/** What a commit says of itself. */
export interface CommitFacts {
  readonly commit: string;
  /** The first is the commit before it on this branch; more make it a merge. */
  readonly parents: readonly string[];
  readonly subject: string;
  readonly author: string;
  readonly committer: string;
  /** `null` where it is no date that there can be. */
  readonly committedAt: Date | null;
}

/** One step of a branch: a commit, with everything that it changed from the step before it. */
@DomainEvent('branch.committed')
@Fields({ committedAt: instant, changes: listOf(Change, { key: 'path' }) })
export class Committed implements CommitFacts {
  readonly commit: string;
  readonly parents: readonly string[];
  readonly subject: string;
  readonly author: string;
  readonly committer: string;
  readonly committedAt: Date | null;

  constructor(
    facts: CommitFacts,
    readonly changes: readonly Change[],
  ) {
    this.commit = facts.commit;
    this.parents = facts.parents;
    this.subject = facts.subject;
    this.author = facts.author;
    this.committer = facts.committer;
    this.committedAt = facts.committedAt;
  }
}

/** Somebody rewrote the branch: commits that were on it no longer are, and it went back to one that still is. */
@DomainEvent('branch.rewound')
@Fields({ changes: listOf(Change, { key: 'path' }) })
export class Rewound {
  constructor(
    readonly from: string,
    readonly to: string,
    readonly changes: readonly Change[],
  ) {}
}

/** A part of the changes of the next commit or rewinding, where they do not fit into one event. Recorded in one append with it. */
@DomainEvent('branch.files-changed')
@Fields({ changes: listOf(Change, { key: 'path' }) })
export class FilesChanged {
  constructor(readonly changes: readonly Change[]) {}
}
