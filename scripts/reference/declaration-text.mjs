// A declaration as a reader wants to see it: its members with their comments, without what is private.
import ts from 'typescript';

/** `baseOf` gives the declaration of a type that is extended but not exported: its members are shown as if they were own. */
export function declarationText(declarations, baseOf) {
  return declarations.map((it) => textOf(it, baseOf)).join('\n');
}

/** The names that declarations refer to, in their order. */
export function referredTo(declarations, checker) {
  const found = new Set();
  const visit = (node) => {
    if (isPrivate(node)) return;
    const name = ts.isTypeReferenceNode(node)
      ? node.typeName
      : ts.isExpressionWithTypeArguments(node)
        ? node.expression
        : undefined;
    const symbol = name && checker.getSymbolAtLocation(name);
    if (symbol) found.add(symbol);
    ts.forEachChild(node, visit);
  };
  declarations.forEach(visit);
  return [...found];
}

function textOf(declaration, baseOf) {
  // A constant is declared in a list of one.
  const statement = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  const text =
    ts.isInterfaceDeclaration(declaration) || ts.isClassDeclaration(declaration)
      ? withMembers(declaration, baseOf)
      : statement.getText();
  return text
    .replace(/^export (declare )?/, '')
    .replace(/\{@link (\w+)\}/g, '$1')
    .replaceAll(/ {4}/g, '  ');
}

function withMembers(declaration, baseOf) {
  const [head] = declaration.getText().split(/\{/, 1);
  const bases = ts.isInterfaceDeclaration(declaration)
    ? (declaration.heritageClauses ?? [])
        .flatMap(({ types }) => types.map((type) => [type, baseOf(type)]))
        .filter(([, base]) => base)
    : [];
  const shown = bases
    .reduce((text, [type]) => text.replace(type.getText(), ''), head)
    .replace(/extends\s*$/, '')
    .trimEnd();
  const members = [declaration, ...bases.map(([, base]) => base)].flatMap((it) => [...it.members]);
  const inside = members.filter((it) => !isPrivate(it)).map(memberText);
  return inside.length === 0 ? `${shown} {}` : `${shown} {\n${inside.join('\n')}\n}`;
}

function memberText(member) {
  const text = member.getFullText().replace(/^\s*\n/, '');
  return text.trimEnd();
}

function isPrivate(node) {
  if (node.name && ts.isPrivateIdentifier(node.name)) return true;
  return (
    (ts.canHaveModifiers(node) &&
      ts.getModifiers(node)?.some((it) => it.kind === ts.SyntaxKind.PrivateKeyword)) ??
    false
  );
}
