import fs from 'node:fs';
import path from 'node:path';

/** The links of a document that lead nowhere: to a file that is not there, or a heading that its document does not have. */
export function brokenLinks(root: string, file: string): readonly string[] {
  const text = withoutBlocks(fs.readFileSync(path.join(root, file), 'utf8'));
  const targets = [...text.matchAll(/\]\(([^)\s]+)\)/g), ...text.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)];
  return targets.map(([, target]) => target!).filter((target) => isBroken(root, file, target));
}

/** Every file that a document links to, from the root. */
export function linkedFrom(root: string, file: string): readonly string[] {
  const text = withoutBlocks(fs.readFileSync(path.join(root, file), 'utf8'));
  return [...text.matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)].map(([, to]) => path.join(path.dirname(file), to!));
}

function isBroken(root: string, file: string, target: string): boolean {
  if (/^(https?|mailto):/.test(target)) return false;
  const [to, anchor] = target.split('#') as [string, string | undefined];
  const full = to === '' ? path.join(root, file) : path.join(root, path.dirname(file), to);
  if (!fs.existsSync(full)) return true;
  if (anchor === undefined) return false;
  return !full.endsWith('.md') || !anchorsOf(fs.readFileSync(full, 'utf8')).has(anchor);
}

/** As GitHub makes them of headings. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const [, heading] of withoutBlocks(markdown).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const slug = heading!
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    anchors.add(before === 0 ? slug : `${slug}-${before}`);
  }
  return anchors;
}

function withoutBlocks(markdown: string): string {
  return markdown
    .replace(/^```[^\n]*\n[\s\S]*?^```$/gm, '')
    .replace(/`[^`\n]*`/g, (code) => code.replace(/[()[\]]/g, ''));
}
