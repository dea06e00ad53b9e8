import { blocksOf, type Language } from './blocks';
import { read } from './corpus';

/** The texts of the blocks of a document under a heading, for a test that runs them. @throws Error where there are none */
export function blocksUnder(file: string, heading: string, language: Language): readonly string[] {
  const lines = read(file).split('\n');
  const begin = lines.indexOf(heading);
  const level = /^#+ /.exec(heading)![0];
  const rest = lines.slice(begin + 1);
  const end = rest.findIndex(
    (line) => /^#+ /.test(line) && line.length > 0 && /^#+ /.exec(line)![0].length <= level.length,
  );
  const section = begin === -1 ? [] : rest.slice(0, end === -1 ? undefined : end);
  const texts = blocksOf(section.join('\n'))
    .filter((block) => block.language === language)
    .map(({ text }) => text);
  if (texts.length === 0) throw new Error(`${file} has no ${language} under "${heading}".`);
  return texts;
}
