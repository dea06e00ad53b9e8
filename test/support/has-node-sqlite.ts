/** Whether this Node has a `node:sqlite` that the store can use: since 22.16 it gives rows as arrays. */
export function hasNodeSqlite(): boolean {
  const [major, minor] = process.versions.node.split('.').map(Number) as [number, number];
  return major >= 24 || (major === 22 && minor >= 16);
}
