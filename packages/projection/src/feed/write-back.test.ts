import { Recorder, memory, type OpenStorage } from '@backstory/core';
import { DomainEvent, EventTypes } from '@backstory/events';
import { projection } from '../definition/functional-projection.js';
import { ProjectionModel, documentsOfFunctions } from '../definition/projection-model.js';
import { placesOf } from '../generation/places.js';
import { WriteBack } from './write-back.js';

@DomainEvent('thing.grown')
class Grown {}

const model = new ProjectionModel(
  documentsOfFunctions(
    projection('sizes', {
      version: 1,
      initial: { size: 0, text: '' },
      events: { Grown },
      fold: { Grown: ({ size }) => ({ size: size + 1, text: 'x'.repeat(2 ** 20) }) },
    }),
  ),
);
const places = placesOf('sizes');
const types = new EventTypes([Grown]);
const STREAMS = ['thing-0', 'thing-1', 'thing-2', 'thing-3', 'thing-4', 'thing-5'];

let storage: OpenStorage;
let documents: WriteBack;
beforeEach(async () => {
  storage = await memory().open();
  documents = new WriteBack(model, places, 1);
});
afterEach(() => storage.close());

/** Something happens to each, and is folded. */
async function foldAll() {
  const before = (await storage.events.identity()).head;
  const events = [types.encode(new Grown())];
  const writes = STREAMS.map((stream) => ({ stream, expected: 'any', events }) as const);
  await new Recorder(storage.events, { source: 'test' }).record(writes);
  for await (const { events } of storage.events.readAll({ after: before })) {
    const foldable = events.map((event) => model.foldable(event));
    await documents.load(storage.state, foldable);
    for (const event of foldable) documents.fold(event);
  }
  return documents.changes();
}

async function sizes(): Promise<readonly number[]> {
  const rows = await storage.state.read((view) => view.list(places.documents(1)));
  return rows.map(({ value }) => (JSON.parse(value) as { size: number }).size);
}

it('documents that are too many are let go of, but not while what was made of them is being written', async () => {
  const first = await foldAll();
  documents.trim();
  const second = await foldAll();
  await storage.state.transaction([], (tx) => documents.write(tx, first));
  expect(await sizes()).toEqual([1, 1, 1, 1, 1, 1]);
  await storage.state.transaction([], (tx) => documents.write(tx, second));
  expect(await sizes()).toEqual([2, 2, 2, 2, 2, 2]);
  const read = jest.spyOn(storage.state, 'read');
  // Of the six the last batch has changed none, and what is left of the first is what fits.
  documents.changes();
  documents.trim();
  const third = await foldAll();
  expect(read).toHaveBeenCalledTimes(1);
  await storage.state.transaction([], (tx) => documents.write(tx, third));
  expect(await sizes()).toEqual([3, 3, 3, 3, 3, 3]);
});
