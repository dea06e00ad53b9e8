import arrow from '@jsep-plugin/arrow';
import jsep from 'jsep';
import { InvalidExpression } from './invalid-expression.js';

jsep.plugins.register(arrow);
// Beside < and >: https://262.ecma-international.org/#prod-RelationalExpression
jsep.addBinaryOp('in', 7);

/** The tree of an expression, in which anything may stand that the parser knows. @throws InvalidExpression */
export function parse(text: string): jsep.Expression {
  if (text.trim() === '')
    throw new InvalidExpression(text, 'syntax', 'it is empty: write one like balance < 0.');
  if (text.length > LONGEST)
    throw new InvalidExpression(text, 'syntax', `it has more than ${LONGEST} characters: make it shorter.`);
  try {
    return jsep(text);
  } catch (error) {
    const { index, description } = error as { index?: number; description?: string };
    const said = description ?? 'it is nested too deeply';
    throw new InvalidExpression(text, 'syntax', `${said.charAt(0).toLowerCase()}${said.slice(1)}.`, index);
  }
}

const LONGEST = 2_000;
