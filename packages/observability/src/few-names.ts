/** Names that come from outside, such as a command's in a header: as many as a program may have, then `other`. */
export class FewNames {
  private readonly known = new Set<string>();

  constructor(private readonly most = 200) {}

  of(name: string): string {
    if (this.known.has(name)) return name;
    if (this.known.size >= this.most) return 'other';
    this.known.add(name);
    return name;
  }
}
