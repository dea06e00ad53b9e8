/** A handler as signals name it: `fraud.check`, after its subscription. Made once for each. */
export function handlerName(subscription: string, handler: string): string {
  let names = made.get(subscription);
  if (!names) made.set(subscription, (names = new Map<string, string>()));
  let name = names.get(handler);
  if (name === undefined) names.set(handler, (name = `${subscription}.${handler}`));
  return name;
}

const made = new Map<string, Map<string, string>>();
