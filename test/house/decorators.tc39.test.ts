const kinds: string[] = [];
function seen(_method: unknown, context: ClassMethodDecoratorContext): void {
  kinds.push(context.kind);
}

class Probe {
  @seen method(_text: string): void {}
}

it('a *.tc39.test.ts file is compiled with TC39 decorators, which are given a context', () => {
  expect(new Probe()).toBeInstanceOf(Probe);
  expect(kinds).toEqual(['method']);
});
