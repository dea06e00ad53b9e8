import { Argument, Option } from 'commander';

/** What a value names, so that a shell can complete it. */
export type Naming = 'stream' | 'category' | 'type' | 'store' | 'file' | 'folder';

/** An option that knows what its value names. */
export class NamedOption extends Option {
  constructor(
    flags: string,
    description: string,
    readonly names?: Naming,
    readonly repeatable = false,
  ) {
    super(flags, description);
  }
}

/** An argument that knows what it names. */
export class NamedArgument extends Argument {
  constructor(
    name: string,
    description: string,
    readonly names?: Naming,
  ) {
    super(name, description);
  }
}
