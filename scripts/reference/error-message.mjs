// What an error says, read from the call of `super` in its source.
import fs from 'node:fs';
import ts from 'typescript';

/** The message with … where facts stand; `undefined` where it is made by whoever throws. */
export function messageOf(file, name) {
  const source = ts.createSourceFile(file, fs.readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
  const cls = source.statements.find((it) => ts.isClassDeclaration(it) && it.name?.text === name);
  const argument = cls && superArgument(cls);
  const texts = argument ? alternatives(argument) : [];
  const told = texts.filter((it) => /[a-z]{3}/i.test(it));
  return told.length > 0 ? told : undefined;
}

function superArgument(node) {
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.SuperKeyword)
    return node.arguments[0];
  return ts.forEachChild(node, superArgument);
}

function alternatives(node) {
  if (ts.isParenthesizedExpression(node)) return alternatives(node.expression);
  if (ts.isStringLiteralLike(node)) return [node.text];
  if (ts.isConditionalExpression(node))
    return [...alternatives(node.whenTrue), ...alternatives(node.whenFalse)];
  if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken)
    return alternatives(node.left).flatMap((left) => alternatives(node.right).map((right) => left + right));
  if (ts.isTemplateExpression(node))
    return [node.head.text + node.templateSpans.map((it) => `…${it.literal.text}`).join('')];
  return ['…'];
}
