// Doc comments as Markdown.
import ts from 'typescript';

/**
 * What the declarations of one name say of it: `text`, its first sentence, and what is thrown. `linkTo` gives the exported
 * name that a `{@link …}` means.
 */
export function descriptionOf(declarations, linkTo) {
  const docs = declarations.flatMap((it) => ts.getJSDocCommentsAndTags(ofStatement(it))).filter(ts.isJSDoc);
  const text = docs.map((it) => ts.getTextOfJSDocComment(it.comment) ?? '').join('\n\n');
  const throws = docs.flatMap((it) => it.tags ?? []).filter((it) => it.tagName.text === 'throws');
  return {
    text: linked(text.trim(), linkTo),
    first: firstSentence(linked(text.trim(), linkTo)),
    throws: throws.map((it) =>
      thrown(it).replace(/\b[A-Z][a-z]+[A-Z]\w+\b/g, (name) => linked(`{@link ${name}}`, linkTo)),
    ),
  };
}

function ofStatement(declaration) {
  return ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
}

function thrown(tag) {
  return tag
    .getText()
    .replace(/^@throws\s*/, '')
    .replace(/\s*\n\s*\*?\s*/g, ' ')
    .trim();
}

function linked(text, linkTo) {
  return text.replace(/\{@link\s+([^}|\s]+)(?:\s*[|\s]\s*([^}]+))?\}/g, (_, name, label) => {
    const to = linkTo(name);
    const shown = label ?? `\`${name}\``;
    return to ? `[${shown}](${to.entry.page}#${to.anchor})` : shown;
  });
}

function firstSentence(text) {
  const [paragraph] = text.split(/\n\n|\n```/);
  const flat = paragraph.replace(/\s*\n\s*/g, ' ');
  // The full stops of an abbreviation end no sentence.
  const [sentence] = /^.*?[.?](?=\s|$)/.exec(flat.replaceAll('e.g. ', 'e.g.\0')) ?? [flat.replace(/:$/, '.')];
  return sentence.replaceAll('\0', ' ');
}
