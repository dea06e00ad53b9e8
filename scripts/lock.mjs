// Every optional (per-platform) package that a package of the lock names is itself in the lock, and the lock
// names no registry. npm silently drops what it could not find while installing; `npm ci` then fails elsewhere.
import fs from 'node:fs';

const file = process.argv[2] ?? new URL('../package-lock.json', import.meta.url);
const { packages } = JSON.parse(fs.readFileSync(file, 'utf8'));

const complaints = Object.entries(packages).flatMap(([location, entry]) => [
  ...Object.keys(entry.optionalDependencies ?? {})
    .filter((name) => !resolvable(name, location))
    .map(
      (name) => `${location} names ${name}, which the lock does not contain: pin a version that is complete.`,
    ),
  ...(/^https?:/.test(entry.resolved ?? '')
    ? [`${location} names a registry: set omit-lockfile-registry-resolved=true and write the lock anew.`]
    : []),
]);
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length > 0 ? 1 : 0;

/** Node looks for a package beside the one that names it, then in each folder above. */
function resolvable(name, location) {
  const steps = location.split('/');
  const folders = [...steps.keys(), steps.length].map((it) => steps.slice(0, it).join('/'));
  return folders.some((folder) => `${folder && `${folder}/`}node_modules/${name}` in packages);
}
